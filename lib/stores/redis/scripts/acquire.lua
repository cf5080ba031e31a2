-- Decides one acquisition, in the order of the rules of AcquireReply in lock-store.ts.
-- KEYS[1]  the lock: the holder's record, with the lease as its expiry
-- KEYS[2]  its state: a hash of `fence` (the last one granted) and `tick:<series>` (the last one granted)
-- KEYS[3]  exists if this acquisition was undone before it arrived; its caller is gone
-- ARGV[1]  the record of this acquisition     ARGV[2]  TTL in ms      ARGV[3]  retention of the state in ms
-- ARGV[4]  series of the tick, or nothing     ARGV[5]  the tick, ms   ARGV[6]  how early is still due, ms
-- Replies  {'granted', fence} | {'early', ms} | {'done'} | {'busy', record, remaining ms}
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] -- microseconds, exact in a double until the year 2255

if redis.call('EXISTS', KEYS[3]) == 1 then
  return { 'done' }
end

local holder = redis.call('GET', KEYS[1])
local retried = holder == ARGV[1]

if ARGV[4] and not retried then
  local early = tonumber(ARGV[5]) - now / 1000
  if early > tonumber(ARGV[6]) then
    return { 'early', math.ceil(early) }
  end
  local last = redis.call('HGET', KEYS[2], 'tick:' .. ARGV[4])
  if last and tonumber(ARGV[5]) <= tonumber(last) then
    return { 'done' }
  end
end

if holder and not retried then
  return { 'busy', holder, redis.call('PTTL', KEYS[1]) }
end

local last = tonumber(redis.call('HGET', KEYS[2], 'fence') or 0)
local fence = last
if not retried or last == 0 then
  fence = math.max(last + 1, now)
end

redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[4] then
  redis.call('HSET', KEYS[2], 'fence', string.format('%.0f', fence), 'tick:' .. ARGV[4], ARGV[5])
else
  redis.call('HSET', KEYS[2], 'fence', string.format('%.0f', fence))
end
redis.call('PEXPIRE', KEYS[2], ARGV[3] + ARGV[2])
return { 'granted', fence }
