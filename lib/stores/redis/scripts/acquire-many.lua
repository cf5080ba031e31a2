-- Decides many acquisitions that claim no run and stand in no line, each as acquire.lua would.
-- KEYS     the locks; see slot-of.lua
-- ARGV[1]  retention of the states in ms, then record and TTL in ms of each
-- Replies  for each: its fence | {record, remaining ms} of the holder | false where acquire.lua is to decide
-- include keep-state.lua
-- include grant.lua
-- include slot-of.lua
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] -- microseconds, exact in a double until the year 2255

local function decide(lock, record, ttl)
  local holder = redis.call('GET', lock)
  local holds = holder == record
  if holder and not holds then
    return { holder, redis.call('PTTL', lock) }
  end
  local slot = slot_of(lock)
  if not holds and redis.call('EXISTS', slot .. ':queue', slot .. ':undone') > 0 then
    return false
  end
  return grant(lock, slot .. ':state', record, ttl, ARGV[1], now, holds)
end

local replies = {}
for i = 1, #KEYS do
  -- An error of one lock must not be that of the others: acquire.lua will report it.
  local ok, reply = pcall(decide, KEYS[i], ARGV[2 * i], ARGV[2 * i + 1])
  replies[i] = ok and reply
end
return replies
