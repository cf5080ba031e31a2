-- Frees each lock that its record holds, as release.lua does where nothing was completed.
-- KEYS     lock, state and queue of each     ARGV     the record of each
-- Replies  for each: 'held' | 'taken' | 'vanished' | false where release.lua is to decide
-- include keep-state.lua
-- include grant.lua
-- include hand-over.lua
local replies = {}
for i = 1, #ARGV do
  local lock, state, queue = unpack(KEYS, 3 * i - 2, 3 * i)
  local holder = redis.pcall('GET', lock)
  if holder == ARGV[i] then
    -- An error of one lock must not be that of the others: release.lua will report it.
    replies[i] = pcall(free, lock, state, queue) and 'held'
  else
    replies[i] = holder and 'taken' or 'vanished'
  end
end
return replies
