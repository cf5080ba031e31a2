-- Included, as the body of a function, by scripts that free a lock, after grant.lua. The queue of a lock is a sorted set of its
-- waiters by when they began to wait, in µs. A waiter is the text
-- '<owner>\n<command>\n<channel>\n<TTL in ms>\n<the rest of the holder>'.
local RECONNECT_TIME = 500 -- ms; ioredis connects again after 50
local LOOKED_AT = 10 -- waiters, for one that is heard

-- Whether messages to this waiter arrive. If nobody listens, the process is dead, or has lost its connection, or listens to a
-- server that is no master any more. This is asked first, since PUBLISH reaches those who listen to replicas, and does not count them. Returns
-- also the error, if that may not be asked.
local function is_heard(waiter)
  local command, channel = string.match(waiter, '^[^\n]*\n(%u+)\n([^\n]*)\n')
  if not command then
    return false
  end
  local counted = redis.pcall('PUBSUB', command == 'SPUBLISH' and 'SHARDNUMSUB' or 'NUMSUB', channel)
  return (tonumber(counted[2]) or 0) > 0, counted.err
end

-- The first waiter that is heard.
local function next_heard(queue)
  for _, waiter in ipairs(redis.pcall('ZRANGE', queue, 0, LOOKED_AT - 1)) do
    if is_heard(waiter) then
      return waiter
    end
  end
end

-- Gives the lock to the first waiter, for GRANT_TIMEOUT at most, and tells its process. Returns the text that is in the lock
-- then; nothing if nobody waits, or if `asking` is the first, which takes the lock itself. A waiter that is not heard may just
-- be connecting anew, and asks as soon as it notices: it has the lock for a moment if another would pass it; that one is told,
-- and asks again when the moment is over.
local function hand_over(lock, token_key, queue, asking)
  -- Looked for first: after any command that may write, Redis would let the script go on without memory.
  while redis.call('EXISTS', queue) == 1 do
    local waiter = redis.call('ZPOPMIN', queue)[1]
    local owner, ttl, rest = string.match(waiter, '^([^\n]*)\n%u+\n[^\n]*\n(%d+)\n(.*)$')
    if owner and owner == asking then
      return nil
    end
    local heard = is_heard(waiter)
    -- A text that is no waiter is nobody's.
    local told = heard and waiter or owner and next_heard(queue)
    if told then
      local kept = math.min(ttl, heard and GRANT_TIMEOUT or RECONNECT_TIME)
      local token = next_token(token_key, kept)
      local text = set_holder(lock, owner, token, rest, kept)
      local command, channel = string.match(told, '^[^\n]*\n(%u+)\n([^\n]*)\n')
      redis.pcall(command, channel, string.format('%s\n%s\n%d\n%s', lock, token, kept, owner))
      return text
    end
  end
end

-- Gives the lock to the first waiter, or to nobody.
local function free(lock, token_key, queue)
  if not hand_over(lock, token_key, queue) then
    redis.call('DEL', lock)
  end
end

-- Queues the owner, if its process hears of grants. Returns whether it does, and the error if that may not be asked.
local function join(queue, owner, rest, ttl, wait)
  local waited, address = string.match(wait, '^(%d+)\n(.*)$')
  local waiter = table.concat({ owner, address, ttl, rest }, '\n')
  local heard, refusal = is_heard(waiter)
  if not heard then
    return false, refusal
  end
  redis.call('ZADD', queue, 'NX', string.format('%.0f', now() - waited * 1000), waiter)
  redis.call('PEXPIRE', queue, WAITER_RETENTION)
  -- Each request looks at one waiter, whichever: else the dead stayed queued for as long as the living ask. A user who may not
  -- do that waits all the same.
  local at = now() % redis.call('ZCARD', queue)
  local other = redis.pcall('ZRANGE', queue, at, at)[1]
  if other and not is_heard(other) then
    redis.call('ZREM', queue, other)
  end
  return true
end

-- Rules 4 and 5 for acquire.lua, if there is a queue or the request waits. Returns the text in the lock, nothing if the request
-- may have it; and what is said of the queue.
local function queue_up(key, arg, text, waits, is_queue)
  local lock, token_key, queue = KEYS[key], KEYS[key + 1], KEYS[key + 2]
  local owner, rest, ttl, wait = ARGV[arg], ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 4]
  local is_queued, why_not
  if waits and (text or is_queue) then
    is_queued, why_not = join(queue, owner, rest, ttl, wait)
  end
  if not text and is_queue then
    text = hand_over(lock, token_key, queue, owner)
  end
  return text, text and is_queued and (redis.call('GET', token_key) or 0), why_not
end

local function leave(queue, owner)
  for _, waiter in ipairs(redis.pcall('ZRANGE', queue, 0, -1)) do
    if string.sub(waiter, 1, #owner + 1) == owner .. '\n' then
      redis.call('ZREM', queue, waiter)
    end
  end
end

return { free = free, queue_up = queue_up, leave = leave }
