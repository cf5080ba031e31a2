-- Makes a replica known for a time, and forgets those whose time is over: Redis before 7.4 does not expire single fields.
-- KEYS[1]  the replicas, a hash of '<until when it is known, ms> <entry>'
-- ARGV[1]  the replica     ARGV[2]  its entry     ARGV[3]  for how long, ms
-- include clock.lua
local now_ms = now() / 1000
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s', math.floor(now_ms + ARGV[3]), ARGV[2]))
local last = now_ms
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local known_until = tonumber(string.match(fields[i + 1], '^%d+')) or 0
  if known_until <= now_ms then
    redis.call('HDEL', KEYS[1], fields[i])
  end
  last = math.max(last, known_until)
end
redis.call('PEXPIRE', KEYS[1], math.ceil(last - now_ms))
