-- Frees the lock, whoever holds it, if it is still the grant with this fence.
-- KEYS[1]  the lock     KEYS[2]  its state     KEYS[3]  its queue     ARGV[1]  the fence
-- Replies  'held' | 'taken' | 'vanished'
-- include keep-state.lua
-- include grant.lua
-- include hand-over.lua
local holder = redis.call('GET', KEYS[1])
if not holder then
  return 'vanished'
end
-- The fence of a lock that another program took is that of an earlier grant.
local ours = string.sub(holder, 1, 10) == '{"token":"'
if not ours or redis.call('HGET', KEYS[2], 'fence') ~= ARGV[1] then
  return 'taken'
end
free(KEYS[1], KEYS[2], KEYS[3])
return 'held'
