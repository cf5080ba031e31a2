-- Decides many acquisitions that claim no run and stand in no line, each as acquire.lua would.
-- KEYS     lock, state, queue and undone of each; see acquire.lua
-- ARGV[1]  retention of the states in ms, then record and TTL in ms of each
-- Replies  for each: its fence | {record, remaining ms} of the holder | false where acquire.lua is to decide
-- include keep-state.lua
-- include grant.lua
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] -- microseconds, exact in a double until the year 2255

local function decide(lock, state, queue, undone, record, ttl)
  local holder = redis.pcall('GET', lock)
  local holds = holder == record
  if holder and not holds then
    return type(holder) == 'string' and { holder, redis.call('PTTL', lock) }
  end
  if not holds and redis.call('EXISTS', queue, undone) > 0 then
    return false
  end
  -- An error of one lock must not be that of the others: acquire.lua will report it.
  local ok, fence = pcall(grant, lock, state, record, ttl, ARGV[1], now, holds)
  return ok and fence
end

local replies = {}
for i = 1, #KEYS / 4 do
  local lock, state, queue, undone = unpack(KEYS, 4 * i - 3, 4 * i)
  replies[i] = decide(lock, state, queue, undone, ARGV[2 * i], ARGV[2 * i + 1])
end
return replies
