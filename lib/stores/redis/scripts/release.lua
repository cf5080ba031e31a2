-- Frees the lock if the record holds it, and records what was completed; changes nothing otherwise.
-- KEYS[1]  the lock     KEYS[2]  its state     KEYS[3]  its queue     ARGV[1]  the record
-- and, where something was completed:
-- ARGV[2]  retention of the state in ms     ARGV[3]  'tick' | 'gap' | 'key'     ARGV[4]  the series
-- ARGV[5]  the tick, or how long to remember the key, ms
-- Replies  'held' | 'taken' | 'vanished'
-- include keep-state.lua
-- include grant.lua
-- include hand-over.lua
local holder = redis.call('GET', KEYS[1])
if holder ~= ARGV[1] then
  return holder and 'taken' or 'vanished'
end

local kind, series = ARGV[3], ARGV[4]
if kind == 'tick' then
  redis.call('HSET', KEYS[2], 'ran:' .. series, ARGV[5])
elseif kind == 'key' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local marks = redis.call('HGETALL', KEYS[2])
  for i = 1, #marks, 2 do
    if string.sub(marks[i], 1, 4) == 'key:' and tonumber(marks[i + 1]) <= now then
      redis.call('HDEL', KEYS[2], marks[i])
    end
  end
  redis.call('HSET', KEYS[2], 'key:' .. series, string.format('%.0f', now + ARGV[5]))
end
if kind then
  keep_state(KEYS[2], tonumber(ARGV[2]))
end
free(KEYS[1], KEYS[2], KEYS[3])
return 'held'
