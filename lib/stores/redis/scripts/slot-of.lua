-- Included by list.lua, which finds locks rather than being told them: derives where the other keys of a lock are. The same
-- as slotOf in slot-of.ts.
local function slot_of(lock)
  return string.find(lock, '{', 1, true) and lock .. '{}' or '{' .. lock .. '}'
end
