-- Frees the lock if the record holds it, and lets the record never have it: its acquisition may still be on its way.
-- KEYS[1]  the lock     KEYS[2]  its state     KEYS[3]  its queue     KEYS[4]  the records that were undone
-- ARGV[1]  the record   ARGV[2]  how long the mark is kept, ms        ARGV[3]  its ticket in the queue
-- and, where it claimed a run: ARGV[4]  'tick' | 'gap' | 'key'     ARGV[5]  the series     ARGV[6]  the tick, ms
-- Replies  'held' | 'taken' | 'vanished'
-- include keep-state.lua
-- include grant.lua
-- include hand-over.lua
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
redis.call('ZADD', KEYS[4], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[4], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[3])
local holder = redis.call('GET', KEYS[1])
if holder ~= ARGV[1] then
  return holder and 'taken' or 'vanished'
end
-- What it claimed was not run. A gap was granted since the one before was long enough ago, and still is.
if ARGV[4] == 'tick' then
  redis.call('HSET', KEYS[2], 'tick:' .. ARGV[5], string.format('%.0f', ARGV[6] - 1))
elseif ARGV[4] == 'gap' then
  redis.call('HDEL', KEYS[2], 'gap:' .. ARGV[5])
end
free(KEYS[1], KEYS[2], KEYS[3])
return 'held'
