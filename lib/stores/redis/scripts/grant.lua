-- Included by scripts that grant a lock, after fence.lua and keep-state.lua. Gives it to the record, and returns the fence.
-- now      the server's time, µs
-- holds    whether the record has it already: then it keeps its fence
local function grant(lock, state, record, ttl, retention, now, holds)
  local fence = holds and tonumber(redis.call('HGET', state, 'fence')) or next_fence(state, now)
  redis.call('HSET', state, 'fence', fence)
  keep_state(state, retention + ttl)
  -- Last: if one of these is refused, nobody has the lock.
  redis.call('SET', lock, record, 'PX', ttl)
  return fence
end
