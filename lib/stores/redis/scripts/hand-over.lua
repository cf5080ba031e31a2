-- Included by scripts that free a lock, after keep-state.lua and grant.lua.
local TURN_TIMEOUT = 5000 -- ms; this and the next as in lock-store.ts
local STATE_RETENTION = 24 * 60 * 60 * 1000

-- Whether messages to this waiter arrive. Where nobody listens the process is dead, or has lost its connection, or listens
-- to a server that is no master any more. Asked before: a message reaches the listeners of replicas, who are not counted.
local function is_heard(ticket)
  local command, channel = string.match(ticket, '^(%u+)\n([^\n]*)\n')
  local counted = redis.pcall('PUBSUB', command == 'SPUBLISH' and 'SHARDNUMSUB' or 'NUMSUB', channel)
  return (tonumber(counted[2]) or 0) > 0
end

-- Gives the lock to whoever has waited for longest, for TURN_TIMEOUT at most, and tells its process. Returns its record; nil
-- when nobody waits.
-- queue    the sorted set of those who wait: '<command>\n<channel>\n<TTL in ms>\n<record>', by when they began, in µs
-- own      the record of the caller, which needs not be told
local function hand_over(lock, state, queue, own)
  -- Looked for first: after any command that may write, Redis would let the script go on without memory.
  while redis.call('EXISTS', queue) == 1 do
    local ticket = redis.call('ZPOPMIN', queue)[1]
    local command, channel, ttl, record = string.match(ticket, '^(%u+)\n([^\n]*)\n(%d+)\n(.*)$')
    if record == own or is_heard(ticket) then
      local time = redis.call('TIME')
      local kept = math.min(ttl, TURN_TIMEOUT)
      local fence = grant(lock, state, record, kept, STATE_RETENTION, time[1] * 1000000 + time[2])
      if record ~= own then
        redis.pcall(command, channel, string.format('%s\n%.0f\n%d\n%s', lock, fence, kept, record))
      end
      return record
    end
  end
end

-- Gives the lock to whoever waits for it, or to nobody.
local function free(lock, state, queue)
  if not hand_over(lock, state, queue) then
    redis.call('DEL', lock)
  end
end
