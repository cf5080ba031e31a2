-- Gives leases their full TTL again, from now, where the record still holds the lock.
-- KEYS     lock and state of each lease in turn
-- ARGV[1]  retention of the state in ms, then record and TTL in ms of each lease in turn
-- Replies  a word for each lease: 'held' | 'taken' | 'vanished'
local replies = {}
for i = 1, #KEYS, 2 do
  local record, ttl = ARGV[i + 1], ARGV[i + 2]
  -- A key of another type is somebody else's, and must not keep the other leases from being renewed.
  local holder = redis.pcall('GET', KEYS[i])
  if holder == record then
    redis.call('PEXPIRE', KEYS[i], ttl)
    if redis.call('PTTL', KEYS[i + 1]) < ARGV[1] + ttl then
      redis.call('PEXPIRE', KEYS[i + 1], ARGV[1] + ttl)
    end
    replies[#replies + 1] = 'held'
  else
    replies[#replies + 1] = holder and 'taken' or 'vanished'
  end
end
return replies
