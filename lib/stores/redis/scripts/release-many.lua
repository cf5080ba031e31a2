-- Frees each lock that its record holds, as release.lua does where nothing was completed.
-- KEYS     the locks; see slot-of.lua     ARGV     the record of each
-- Replies  for each: 'held' | 'taken' | 'vanished' | false where release.lua is to decide
-- include keep-state.lua
-- include grant.lua
-- include hand-over.lua
-- include slot-of.lua
local replies = {}
for i = 1, #ARGV do
  local lock = KEYS[i]
  local holder = redis.pcall('GET', lock)
  if holder == ARGV[i] then
    -- An error of one lock must not be that of the others: release.lua will report it.
    local slot = slot_of(lock)
    replies[i] = pcall(free, lock, slot .. ':state', slot .. ':queue') and 'held'
  else
    replies[i] = holder and 'taken' or 'vanished'
  end
end
return replies
