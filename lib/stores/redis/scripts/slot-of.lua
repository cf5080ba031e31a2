-- Included by scripts that find the other keys of a lock by its own. The same as slotOf in slot-of.ts.
local function slot_of(lock)
  return string.find(lock, '{', 1, true) and lock or '{' .. lock .. '}'
end
