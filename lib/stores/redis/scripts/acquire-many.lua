-- Decides acquisitions that claim no run and do not wait, as acquire.lua would, for as many locks.
-- KEYS     lock, state, queue and undone of each; see acquire.lua
-- ARGV[1]  retention of the states in ms, then record and TTL in ms of each
-- Replies  for each: its fence | {record, remaining ms} of the holder | false where acquire.lua is to decide
-- include grant.lua
local now
local replies = {}
for i = 1, #KEYS / 4 do
  local lock, state, queue, undone = unpack(KEYS, 4 * i - 3, 4 * i)
  local record, ttl = ARGV[2 * i], ARGV[2 * i + 1]
  local holder = redis.pcall('GET', lock)
  local reply = false
  if not holder then
    if redis.call('EXISTS', queue, undone) == 0 then
      if not now then
        local time = redis.call('TIME')
        now = time[1] * 1000000 + time[2]
      end
      -- What goes wrong with one lock is no matter of the others: acquire.lua will tell.
      local done, fence = pcall(grant, lock, state, record, ttl, ARGV[1], now)
      reply = done and fence
    end
  elseif type(holder) == 'string' and holder ~= record then
    reply = { holder, redis.call('PTTL', lock) }
  end
  replies[i] = reply
end
return replies
