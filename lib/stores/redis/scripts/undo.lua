-- Frees the lock if the record holds it, and lets the record never have it: its acquisition may still be on its way.
-- KEYS[1]  the lock     KEYS[2]  its state     KEYS[3]  its queue     KEYS[4]  the mark that the record was undone
-- ARGV[1]  the record   ARGV[2]  how long the mark is kept, ms        ARGV[3]  its ticket in the queue, if it has one
-- Replies  'held' | 'taken' | 'vanished'
-- include hand-over.lua
redis.call('SET', KEYS[4], '', 'PX', ARGV[2])
if ARGV[3] then
  redis.call('ZREM', KEYS[3], ARGV[3])
end
local holder = redis.call('GET', KEYS[1])
if holder ~= ARGV[1] then
  return holder and 'taken' or 'vanished'
end
if not hand_over(KEYS[3]) then
  redis.call('DEL', KEYS[1])
end
return 'held'
