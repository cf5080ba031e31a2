-- Takes a waiter out of the line, and frees the lock if it has just been handed over to that one.
-- KEYS[1]  the lock     KEYS[2]  its fence     KEYS[3]  its queue
-- ARGV[1]  how the record begins     ARGV[2]  its ticket in the queue
-- Replies  'held' | 'taken' | 'vanished'
-- include grant.lua
-- include hand-over.lua
local beginning = ARGV[1]
redis.call('ZREM', KEYS[3], ARGV[2])
local holder = redis.call('GET', KEYS[1])
if not holder or string.sub(holder, 1, #beginning) ~= beginning then
  return holder and 'taken' or 'vanished'
end
free(KEYS[1], KEYS[2], KEYS[3])
return 'held'
