-- Included by scripts that free a lock, after grant.lua.
local TURN_TIMEOUT = 5000 -- ms; as in lock-store.ts
local RECONNECT_TIME = 500 -- ms; ioredis connects again after 50
local LOOKED_AT = 10 -- of those who wait, for one who is heard

-- Whether messages to this waiter arrive. Where nobody listens the process is dead, or has lost its connection, or listens
-- to a server that is no master any more. Asked before: a message reaches the listeners of replicas, who are not counted.
-- Besides, the error where that may not be asked.
local function is_heard(ticket)
  local command, channel = string.match(ticket, '^(%u+)\n([^\n]*)\n')
  local counted = redis.pcall('PUBSUB', command == 'SPUBLISH' and 'SHARDNUMSUB' or 'NUMSUB', channel)
  return (tonumber(counted[2]) or 0) > 0, counted.err
end

-- The first of those who wait that is heard.
local function next_heard(queue)
  for _, ticket in ipairs(redis.pcall('ZRANGE', queue, 0, LOOKED_AT - 1)) do
    if is_heard(ticket) then
      return ticket
    end
  end
end

-- Gives the lock to whoever has waited for longest, for TURN_TIMEOUT at most, and tells its process. Returns how its record
-- begins; nil when nobody waits. Who is not heard may just connect anew, and asks as soon as it notices: it has the lock for
-- a moment if it would be passed by another; that one is told, and asks again when the moment is over.
-- queue    the sorted set of those who wait, by when they began, in µs:
--          '<command>\n<channel>\n<TTL in ms>\n<beginning of the record>\n<rest of it>'
-- own      the beginning of the record of the caller, which needs not be told
local function hand_over(lock, fence_key, queue, own)
  -- Looked for first: after any command that may write, Redis would let the script go on without memory.
  while redis.call('EXISTS', queue) == 1 do
    local ticket = redis.call('ZPOPMIN', queue)[1]
    local ttl, beginning, rest = string.match(ticket, '^%u+\n[^\n]*\n(%d+)\n([^\n]*)\n(.*)$')
    -- What is no ticket is nobody's.
    local heard = beginning and (beginning == own or is_heard(ticket))
    local told = heard and ticket or beginning and next_heard(queue)
    if told then
      local time = redis.call('TIME')
      local kept = math.min(ttl, heard and TURN_TIMEOUT or RECONNECT_TIME)
      local fence = grant(lock, fence_key, beginning, rest, kept, time[1] * 1000000 + time[2])
      if beginning ~= own then
        local command, channel = string.match(told, '^(%u+)\n([^\n]*)\n')
        redis.pcall(command, channel, string.format('%s\n%.0f\n%d\n%s%s', lock, fence, kept, beginning, rest))
      end
      return beginning
    end
  end
end

-- Gives the lock to whoever waits for it, or to nobody.
local function free(lock, fence_key, queue)
  if not hand_over(lock, fence_key, queue) then
    redis.call('DEL', lock)
  end
end
