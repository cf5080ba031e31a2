-- Included by scripts that free a lock, after grant.lua.
local TURN_TIMEOUT = 5000 -- ms; as in lock-store.ts

-- Whether messages to this waiter arrive. Where nobody listens the process is dead, or has lost its connection, or listens
-- to a server that is no master any more. Asked before: a message reaches the listeners of replicas, who are not counted.
local function is_heard(ticket)
  local command, channel = string.match(ticket, '^(%u+)\n([^\n]*)\n')
  local counted = redis.pcall('PUBSUB', command == 'SPUBLISH' and 'SHARDNUMSUB' or 'NUMSUB', channel)
  return (tonumber(counted[2]) or 0) > 0
end

-- Gives the lock to whoever has waited for longest, for TURN_TIMEOUT at most, and tells its process. Returns how its record
-- begins; nil when nobody waits.
-- queue    the sorted set of those who wait, by when they began, in µs:
--          '<command>\n<channel>\n<TTL in ms>\n<beginning of the record>\n<rest of it>'
-- own      the beginning of the record of the caller, which needs not be told
local function hand_over(lock, fence_key, queue, own)
  -- Looked for first: after any command that may write, Redis would let the script go on without memory.
  while redis.call('EXISTS', queue) == 1 do
    local ticket = redis.call('ZPOPMIN', queue)[1]
    local command, channel, ttl, beginning, rest =
      string.match(ticket, '^(%u+)\n([^\n]*)\n(%d+)\n([^\n]*)\n(.*)$')
    -- What is no ticket is nobody's.
    if beginning and (beginning == own or is_heard(ticket)) then
      local time = redis.call('TIME')
      local kept = math.min(ttl, TURN_TIMEOUT)
      local fence = grant(lock, fence_key, beginning, rest, kept, time[1] * 1000000 + time[2])
      if beginning ~= own then
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
