-- Frees the lock if the record holds it, gives back what it claimed, whoever has the lock now, and lets the record never
-- have it: its acquisition may still be on its way.
-- KEYS[1]  the lock     KEYS[2]  its fence     KEYS[3]  its queue     KEYS[4]  the acquisitions that were undone
-- KEYS[5]  where it claimed a tick or a gap: the mark of the series
-- ARGV[1]  how the record begins     ARGV[2]  for how long it is never granted, ms     ARGV[3]  its ticket in the queue
-- and, where it claimed one:         ARGV[4]  'tick' | 'gap'                           ARGV[5]  how long the mark is kept, ms
-- Replies  'held' | 'taken' | 'vanished'
-- include grant.lua
-- include hand-over.lua
-- include mark.lua
local beginning = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now)
redis.call('ZADD', KEYS[4], now + ARGV[2], beginning)
redis.call('PEXPIRE', KEYS[4], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[3])

local mark = KEYS[5] and read_mark(KEYS[5]) or {}
if mark.owner == beginning then
  -- Who gave a tick up has not begun it.
  local begun = tonumber(string.match(mark.state, '^given up (%d+)$'))
  local before = begun or (tonumber(mark.state) or 1) - 1
  if ARGV[4] == 'gap' then
    -- It was granted since the one before was long enough ago, and still is.
    redis.call('DEL', KEYS[5])
  elseif before > 0 then
    -- It was begun by others before.
    write_mark(KEYS[5], string.format('%.0f', mark.time), before, '', mark.application, ARGV[5])
  else
    -- The ticks before it stay done.
    write_mark(KEYS[5], string.format('%.0f', mark.time - 1), 'done', '', mark.application, ARGV[5])
  end
end

local holder = redis.call('GET', KEYS[1])
if not holder or string.sub(holder, 1, #beginning) ~= beginning then
  return holder and 'taken' or 'vanished'
end
free(KEYS[1], KEYS[2], KEYS[3])
return 'held'
