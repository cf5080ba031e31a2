-- Frees the lock if the record holds it, and lets the record never have it: its acquisition may still be on its way.
-- KEYS[1]  the lock     KEYS[2]  the mark that the record was undone
-- ARGV[1]  the record   ARGV[2]  how long the mark is kept, ms
-- Replies  'held' | 'taken' | 'vanished'
redis.call('SET', KEYS[2], '', 'PX', ARGV[2])
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('DEL', KEYS[1])
  return 'held'
end
return holder and 'taken' or 'vanished'
