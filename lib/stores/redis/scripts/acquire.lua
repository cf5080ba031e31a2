-- Decides one acquisition, in the order of the rules of AcquireReply in lock-store.ts, in few steps: each of them costs.
-- KEYS[1]  the lock: the holder's record, with the lease as its expiry
-- KEYS[2]  its state: a hash of `fence` (the last one granted) and the marks of run-marks.ts
-- KEYS[3]  the queue of those who wait for it; see hand-over.lua
-- KEYS[4]  the records of acquisitions that were undone, some before they arrived: their callers are gone
-- ARGV[1]  the record of this acquisition     ARGV[2]  TTL in ms      ARGV[3]  retention of the state in ms
-- ARGV[4]  its ticket in the queue, or '' or nothing   ARGV[5]  how long it has waited, ms
-- ARGV[6]  how long the queue is kept, ms
-- and, where it claims a run:
-- ARGV[7]  'tick' | 'gap' | 'key'             ARGV[8]  the series
-- ARGV[9]  tick, gap or memory, ms     ARGV[10]  how early is still due, ms     ARGV[11]  '1': again if it was not completed
-- ARGV[12] the replica's clock when it asked, or nothing     ARGV[13]  how much later than that is behind, ms
-- Replies  the fence of the grant, where it claims no run; else {'granted', now, fence} | {'early', now, ms} |
--          {'behind', now} | {'done', now} | {'busy', now, record, remaining ms, last fence if it is in line};
--          false where nobody needs it
local record, kind, series, value = ARGV[1], ARGV[7], ARGV[8], tonumber(ARGV[9])
local ticket = ARGV[4] ~= '' and ARGV[4]
local holder = redis.call('GET', KEYS[1])
local holds = holder == record

-- The common case of a loser: no clock, no claim, no line to look at. Not even the functions below are made.
if holder and not holds and not ticket and not kind then
  return { 'busy', false, holder, redis.call('PTTL', KEYS[1]) }
end

-- include keep-state.lua
-- include grant.lua
-- include hand-over.lua

-- In one step, since nearly always there is neither.
local queued_or_undone = redis.call('EXISTS', KEYS[3], KEYS[4]) > 0
if queued_or_undone and redis.call('ZSCORE', KEYS[4], record) then
  return { 'done', false }
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] -- microseconds, exact in a double until the year 2255
local now_ms = now / 1000

local function mark(of)
  return tonumber(redis.call('HGET', KEYS[2], of .. ':' .. series) or -math.huge)
end

local function is_done()
  if kind == 'tick' then
    local granted = mark('tick')
    if ARGV[11] ~= '1' or value ~= granted then
      return value <= granted
    end
    return value <= mark('ran')
  elseif kind == 'gap' then
    -- A start in the future is one from before the server's clock was set back.
    local since = now_ms - mark('gap')
    return since >= 0 and since < value
  end
  return now_ms < mark('key')
end

if kind and not holds then
  if kind == 'tick' and value - now_ms > tonumber(ARGV[10]) then
    return { 'early', now_ms, math.ceil(value - now_ms) }
  end
  if ARGV[12] and mark('tick') == -math.huge and now_ms - tonumber(ARGV[12]) > tonumber(ARGV[13]) then
    return { 'behind', now_ms }
  end
  if is_done() then
    return { 'done', now_ms }
  end
end

-- Who would not be told must know.
local in_line = ticket and is_heard(ticket)
if in_line and not holds then
  redis.call('ZADD', KEYS[3], 'NX', string.format('%.0f', now - ARGV[5] * 1000), ticket)
  redis.call('PEXPIRE', KEYS[3], ARGV[6])
  -- Each question looks at one ticket, whichever: else the dead stayed in line for as long as the living ask. Who may not
  -- do that waits all the same.
  local at = time[2] % redis.call('ZCARD', KEYS[3])
  local other = redis.pcall('ZRANGE', KEYS[3], at, at)[1]
  if other and not is_heard(other) then
    redis.call('ZREM', KEYS[3], other)
  end
end
if not holder and (ticket or queued_or_undone) then
  -- The lock is free, but others may wait for it.
  local first = hand_over(KEYS[1], KEYS[2], KEYS[3], record)
  holder = first ~= record and first
end
if holder and not holds then
  local last = in_line and (redis.call('HGET', KEYS[2], 'fence') or 0)
  return { 'busy', now_ms, holder, redis.call('PTTL', KEYS[1]), last }
end

local fence = grant(KEYS[1], KEYS[2], record, ARGV[2], ARGV[3], now, holds)
if kind == 'tick' then
  redis.call('HSET', KEYS[2], 'tick:' .. series, ARGV[9])
elseif kind == 'gap' and not holds then
  redis.call('HSET', KEYS[2], 'gap:' .. series, string.format('%.3f', now_ms))
end
if not kind then
  return fence
end
return { 'granted', now_ms, fence }
