-- Included by scripts that give a lock to somebody, after keep-state.lua. Gives it to the record, and returns the fence:
-- higher than any before it; the clock, in case data was lost.
-- now      the server's time, µs
-- holds    whether the record has it already: then it keeps its fence
local function grant(lock, state, record, ttl, retention, now, holds)
  local last = tonumber(redis.call('HGET', state, 'fence'))
  local fence = holds and last or math.max((last or 0) + 1, now)
  redis.call('HSET', state, 'fence', fence)
  keep_state(state, retention + ttl)
  -- Last: if one of these is refused, nobody has the lock.
  redis.call('SET', lock, record, 'PX', ttl)
  return fence
end
