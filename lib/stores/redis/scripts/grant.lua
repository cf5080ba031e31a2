-- Included by scripts that give a lock to somebody.
local FENCE_RETENTION = 24 * 60 * 60 * 1000 -- ms; as in lock-store.ts

-- The record of the holder has the fence in it, after its token: it is known for as long as the lock is held.
local function fence_in(holder)
  return tonumber(string.match(holder, '^{"token":"[^"]*","fence":(%d+)'))
end

-- Gives the lock to the record that is `beginning .. rest`, and returns the fence: higher than any before it; the clock, in
-- case data was lost. `now` is the server's time, µs.
local function grant(lock, fence_key, beginning, rest, ttl, now)
  local last = tonumber(redis.call('GET', fence_key) or 0)
  local fence = string.format('%.0f', math.max(last + 1, now))
  redis.call('SET', fence_key, fence, 'PX', FENCE_RETENTION + ttl)
  -- Last: if one of these is refused, nobody has the lock.
  redis.call('SET', lock, beginning .. ',"fence":' .. fence .. rest, 'PX', ttl)
  return tonumber(fence)
end
