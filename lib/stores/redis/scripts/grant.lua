-- Included by scripts that grant a lock. Gives it to the record, and returns the fence of the grant.
-- now      the server's time, µs
-- again    whether the record has it already: then it keeps its fence
local function grant(lock, state, record, ttl, retention, now, again)
  local fence = tonumber(redis.call('HGET', state, 'fence') or 0)
  if not again or fence == 0 then
    fence = math.max(fence + 1, now)
  end
  redis.call('SET', lock, record, 'PX', ttl)
  redis.call('HSET', state, 'fence', fence)
  -- Not shorter than before: an earlier claim may have to be remembered for longer. An hour more, so as to write it seldom.
  local keep = retention + ttl
  if redis.call('PTTL', state) < keep then
    redis.call('PEXPIRE', state, keep + 3600000)
  end
  return fence
end
