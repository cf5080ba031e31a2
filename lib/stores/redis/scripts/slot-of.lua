-- Included by scripts of many locks. They derive the other keys of a lock, which are in its slot: to declare them would
-- multiply what is sent. The same as slotOf in slot-of.ts.
local function slot_of(lock)
  return string.find(lock, '{', 1, true) and lock .. '{}' or '{' .. lock .. '}'
end
