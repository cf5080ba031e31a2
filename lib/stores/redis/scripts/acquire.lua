-- Decides one acquisition, in the order of the rules of AcquireReply in lock-store.ts, in few steps: each of them costs.
-- KEYS[1]  the lock: the holder's record and fence, with the lease as its expiry
-- KEYS[2]  the last fence that was granted
-- KEYS[3]  the queue of those who wait for it; see hand-over.lua
-- KEYS[4]  acquisitions that were undone, some before they arrived: their callers are gone
-- KEYS[5]  where it claims a run: the mark of its series; see mark.lua
-- ARGV[1]  how the record of this acquisition begins, and no other     ARGV[2]  the rest of it     ARGV[3]  TTL in ms
-- ARGV[4]  its ticket in the queue, or '' or nothing   ARGV[5]  how long it has waited, ms
-- ARGV[6]  how long the queue is kept, ms
-- and, where it claims a run:
-- ARGV[7]  'tick' | 'gap' | 'key'     ARGV[8]  tick, gap or memory, ms     ARGV[9]  how long the mark is kept, ms
-- ARGV[10] the application            ARGV[11] how early is still due, ms
-- ARGV[12] how often a tick is granted while it was not completed; 0: once, whatever became of it
-- ARGV[13] the replica's clock when it asked, or nothing     ARGV[14]  how much later than that is behind, ms
-- Replies  the fence of the grant, where it claims no run; else {'granted', now, fence, time of a mark from the future or
--          false} | {'early', now, ms} | {'behind', now} | {'done', now, application, attempts if it is given up} |
--          {'busy', now, record, remaining ms, last fence if it is in line, or false and why
--          that may not be known}; now is false where nobody needs it
local beginning, kind, value = ARGV[1], ARGV[7], tonumber(ARGV[8])
local ticket = ARGV[4] ~= '' and ARGV[4]
local holder = redis.call('GET', KEYS[1])
local holds = holder and string.sub(holder, 1, #beginning) == beginning

-- The common case of a loser: no clock, no claim, no line to look at. Not even the functions below are made.
if holder and not holds and not ticket and not kind then
  return { 'busy', false, holder, redis.call('PTTL', KEYS[1]) }
end

-- include grant.lua
-- include hand-over.lua
-- include mark.lua

-- In one step, since nearly always there is neither.
local queued_or_undone = redis.call('EXISTS', KEYS[3], KEYS[4]) > 0
if queued_or_undone and redis.call('ZSCORE', KEYS[4], beginning) then
  return { 'done', false }
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] -- microseconds, exact in a double until the year 2255
local now_ms = now / 1000
local mark = kind and read_mark(KEYS[5]) or {}
-- Of a key what was completed is marked, not what was granted.
local is_own = mark.owner == beginning and kind ~= 'key'
local repeated = holds and (is_own or not kind)
local future, attempts = false, 0

-- What the mark says to the claim; nothing where it may be granted.
local function rule()
  if kind == 'tick' and value - now_ms > tonumber(ARGV[11]) then
    return { 'early', now_ms, math.ceil(value - now_ms) }
  end
  if not mark.time then
    local behind = ARGV[13] and now_ms - tonumber(ARGV[13]) > tonumber(ARGV[14])
    return behind and { 'behind', now_ms }
  end
  if mark.time - now_ms > tonumber(ARGV[11]) then
    -- Nothing is marked more than that before its time: the clock was set back since.
    future = mark.time
    return
  end
  local done = { 'done', now_ms, mark.application }
  if kind == 'gap' then
    return now_ms - mark.time < value and done
  elseif kind == 'key' then
    return done
  elseif value > mark.time then
    return
  end
  local most = tonumber(ARGV[12])
  if value < mark.time or most == 0 then
    return done
  end
  -- The state of a tick that was given up ends with how often it was begun: whoever asks again hears the same.
  local given_up = is_own and string.match(mark.state, '^given up (%d+)$')
  if not given_up and not tonumber(mark.state) then
    return done
  end
  attempts = tonumber(given_up or mark.state)
  if given_up or (attempts >= most and (holds or not holder)) then
    write_mark(KEYS[5], ARGV[8], 'given up ' .. attempts, beginning, mark.application, ARGV[9])
    done[4] = attempts
    return done
  end
end

local ruling = kind and not repeated and rule()
if ruling then
  -- Neither does it wait any more, nor has it the lock because it stood in line.
  if ticket then
    redis.call('ZREM', KEYS[3], ticket)
  end
  if holds then
    free(KEYS[1], KEYS[2], KEYS[3])
  end
  return ruling
end

-- Who would not be told must know.
local in_line, refusal = false, nil
if ticket then
  in_line, refusal = is_heard(ticket)
end
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
  local first = hand_over(KEYS[1], KEYS[2], KEYS[3], beginning)
  holder = first and first ~= beginning and redis.call('GET', KEYS[1])
end
if holder and not holds then
  local last = in_line and (redis.call('GET', KEYS[2]) or 0)
  return { 'busy', now_ms, holder, redis.call('PTTL', KEYS[1]), last, refusal }
end

if (kind == 'tick' or kind == 'gap') and not repeated then
  local of = kind == 'tick' and ARGV[8] or string.format('%.3f', now_ms)
  local again = kind == 'tick' and tonumber(ARGV[12]) > 0
  write_mark(KEYS[5], of, again and attempts + 1 or 'done', beginning, ARGV[10], ARGV[9])
elseif future then
  -- It would be told at each grant.
  redis.call('DEL', KEYS[5])
end
local fence = holds and fence_in(holder)
if fence then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
else
  fence = grant(KEYS[1], KEYS[2], beginning, ARGV[2], ARGV[3], now)
end
if not kind then
  return fence
end
return { 'granted', now_ms, fence, future }
