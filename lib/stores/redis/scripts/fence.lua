-- Included by scripts that give a lock to somebody. Higher than any fence before it; the clock, in case data was lost.
-- now      the server's time, µs
local function next_fence(state, now)
  return math.max(tonumber(redis.call('HGET', state, 'fence') or 0) + 1, now)
end
