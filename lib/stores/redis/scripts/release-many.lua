-- Frees each lock that its record holds, as release.lua does where nothing was completed.
-- KEYS     of each: the lock, its fence and its queue     ARGV     of each: how the record begins
-- Replies  for each: 'held' | 'taken' | 'vanished' | false where release.lua is to decide
-- include grant.lua
-- include hand-over.lua
local replies = {}
for i, beginning in ipairs(ARGV) do
  local key = 3 * i - 2
  local holder = redis.pcall('GET', KEYS[key])
  if type(holder) == 'string' and string.sub(holder, 1, #beginning) == beginning then
    -- An error of one lock must not be that of the others: release.lua will report it.
    replies[i] = pcall(free, KEYS[key], KEYS[key + 1], KEYS[key + 2]) and 'held'
  else
    replies[i] = holder and 'taken' or 'vanished'
  end
end
return replies
