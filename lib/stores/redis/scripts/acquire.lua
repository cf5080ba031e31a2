-- Decides acquisitions, each by the rules of AcquireReply in lock-store.ts, in few steps: each of them costs.
-- KEYS     of each: the lock     its last fencing token     its queue     the sign that its owner is void
--          and, if it claims a run: the record of the job
-- ARGV     of each: owner     the rest of the holder     TTL in ms
--          'tick' | 'gap' | 'key' that it claims, 'hand' if that is wanted by hand, or 'none'; '' if it claims no run and is not to
--          be queued
--          and, if not '': '<ms that it has waited>\n<command>\n<channel by which it hears of a grant>', or '' if it is not to be
--          queued
--          and, if it claims a run: the tick, gap or memory, ms     how long the record is kept, ms     the application
--          how often a tick is granted without being completed; 0: once     the replica's clock when it asked, ms, or ''
--          '<ms in which it may be run> <the next tick, ms>' of a tick that was missed, or ''
--          '<runs that are remembered> <replica>', or ''
-- Replies  of each: the fencing token of the grant, if it claims no run; else {'granted', now, token, time of a mark from the
--          future or false, idle since, ms, or false} | {'paused', now, the pause, idle since or false} | {'early', now, ms} |
--          {'behind', now} | {'done', now, application, attempts if it is given up, 1 if it is missed, idle since or false} |
--          {'busy', now, text in the lock, remaining ms, and if it is to be queued: the last token, or false and why not};
--          false if it is to be asked for alone. now, in ms, is false if nobody needs it
-- include holder.lua
-- include grant.lua

-- Functions are made anew by each call. Those that few requests need are made when one needs them.
local queues, claims
local function make_queues()
  -- include queue.lua
end
local function make_claims()
  -- include claims.lua
end

-- Rules 2 and 3. Returns the refusal; nothing if the claim may be granted.
local function refuse(key, claim, record, owner, waits, holds, is_free)
  local refusal = claims.refusal_of(record, claim, owner, is_free)
  -- Neither does it wait any more, nor does it have the lock because it was queued.
  if refusal and (waits or holds) then
    queues = queues or make_queues()
    queues.leave(KEYS[key + 2], owner)
  end
  if refusal and holds then
    queues.free(KEYS[key], KEYS[key + 1], KEYS[key + 2])
  end
  return refusal
end

-- Rule 6. `token` is that of the lock, if the owner holds it.
local function grant(key, arg, token, claim, record, is_own)
  local lock, owner, rest, ttl = KEYS[key], ARGV[arg], ARGV[arg + 1], ARGV[arg + 2]
  local holds, future = token, false
  token = token or next_token(KEYS[key + 1], ttl)
  if claim and not is_own then
    future = claims.mark_granted(record, claim, token, owner)
  end
  -- Last: if one of these is refused, nobody has the lock.
  if holds then
    redis.call('PEXPIRE', lock, ttl)
  else
    set_holder(lock, owner, token, rest, ttl)
  end
  token = tonumber(token)
  if not claim then
    return token
  end
  return { 'granted', now() / 1000, token, future, record.owner == owner and record.idle or false }
end

local function decide(key, arg)
  local lock, queue, void, owner = KEYS[key], KEYS[key + 2], KEYS[key + 3], ARGV[arg]
  local kind = ARGV[arg + 3]
  local waits, has_claim = kind ~= '' and ARGV[arg + 4] ~= '', kind ~= '' and kind ~= 'none'
  local text, known
  if has_claim then
    text, known = unpack(redis.call('MGET', lock, KEYS[key + 4]))
  else
    text = redis.call('GET', lock)
  end
  local holds = is_held_by(owner, text)

  -- The common case of a loser.
  if text and not holds and kind == '' then
    return { 'busy', false, text, redis.call('PTTL', lock) }
  end
  local token = holds and string.match(text, TOKEN)

  local claim, record
  if has_claim then
    claims = claims or make_claims()
    claim = claims.read_claim(key + 4, arg + 3)
    record = claims.record_of(claim.key, known)
    if holds and claims.is_own(record, claim, owner) then
      return grant(key, arg, token, claim, record, true)
    end
    local refusal = refuse(key, claim, record, owner, waits, holds, holds or not text)
    if refusal then
      return refusal
    end
  end
  if holds then
    return grant(key, arg, token, claim, record)
  end

  if has_claim and not text then
    -- MGET does not tell a free lock from a key of another type, which is an error.
    redis.call('GET', lock)
  end
  -- In one step, since nearly always there is neither.
  local is_queue = redis.call('EXISTS', queue, void) > 0
  if is_queue and redis.call('EXISTS', void) == 1 then
    return { 'done', false }
  end
  local last, why_not
  if waits or is_queue then
    queues = queues or make_queues()
    text, last, why_not = queues.queue_up(key, arg, text, waits, is_queue)
  end
  if text then
    return { 'busy', has_claim and now() / 1000, text, redis.call('PTTL', lock), last, why_not }
  end
  return grant(key, arg, nil, claim, record)
end

-- Of one request there are five keys at most.
if #KEYS <= 5 then
  return { decide(1, 1) }
end
local replies, key, arg = {}, 1, 1
while ARGV[arg] do
  -- An error of one lock must not be that of the others.
  local ok, reply = pcall(decide, key, arg)
  replies[#replies + 1] = ok and reply
  local kind = ARGV[arg + 3]
  local has_claim = kind ~= '' and kind ~= 'none'
  key, arg = key + (has_claim and 5 or 4), arg + (has_claim and 12 or kind == 'none' and 5 or 4)
end
return replies
