-- Frees the lock, whoever holds it, if it is still the grant with this fence.
-- KEYS[1]  the lock     KEYS[2]  its fence     KEYS[3]  its queue     ARGV[1]  the fence of the grant
-- Replies  'held' | 'taken' | 'vanished'
-- include grant.lua
-- include hand-over.lua
local holder = redis.call('GET', KEYS[1])
if not holder then
  return 'vanished'
end
-- A lock that another program took has none.
if fence_in(holder) ~= tonumber(ARGV[1]) then
  return 'taken'
end
free(KEYS[1], KEYS[2], KEYS[3])
return 'held'
