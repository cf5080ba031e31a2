-- Frees the lock if the record holds it; changes nothing otherwise.
-- KEYS[1]  the lock     ARGV[1]  the record
-- Replies  'held' | 'taken' | 'vanished'
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('DEL', KEYS[1])
  return 'held'
end
return holder and 'taken' or 'vanished'
