-- Decides many acquisitions that claim no run and stand in no line, each as acquire.lua would.
-- KEYS     of each: the lock, its fence, its queue, and the acquisitions of it that were undone
-- ARGV     of each: how the record begins, the rest of it, and the TTL in ms
-- Replies  for each: its fence | {record, remaining ms} of the holder | false where acquire.lua is to decide
-- include grant.lua
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] -- microseconds, exact in a double until the year 2255

local function decide(lock, fence_key, queue, undone, beginning, rest, ttl)
  local holder = redis.call('GET', lock)
  if holder then
    -- Its own, too: acquire.lua knows what to do about that.
    return string.sub(holder, 1, #beginning) ~= beginning and { holder, redis.call('PTTL', lock) }
  end
  return redis.call('EXISTS', queue, undone) == 0 and grant(lock, fence_key, beginning, rest, ttl, now)
end

local replies = {}
for i = 1, #ARGV / 3 do
  local key, arg = 4 * i - 3, 3 * i - 2
  -- An error of one lock must not be that of the others: acquire.lua will report it.
  local ok, reply =
    pcall(decide, KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3], ARGV[arg], ARGV[arg + 1], ARGV[arg + 2])
  replies[i] = ok and reply
end
return replies
