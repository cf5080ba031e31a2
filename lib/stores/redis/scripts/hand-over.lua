-- Included by scripts that free a lock, after fence.lua.
local TURN_TIMEOUT = 5000 -- ms; that of lock-store.ts

-- Gives the lock to whoever has waited for longest, for TURN_TIMEOUT at most, and tells its process. Returns its record; nil
-- when nobody waits.
-- queue    the sorted set of those who wait: '<command>\n<channel>\n<TTL in ms>\n<record>', by when they began, in µs
-- own      the record of the caller, which needs not be told
local function hand_over(lock, state, queue, own)
  -- Looked for first: after any command that may write, Redis would let the script go on without memory.
  while redis.call('EXISTS', queue) == 1 do
    local ticket = redis.call('ZPOPMIN', queue)[1]
    local command, channel, ttl, record = string.match(ticket, '^(%u+)\n([^\n]*)\n(%d+)\n(.*)$')
    local time = redis.call('TIME')
    local fence = next_fence(state, time[1] * 1000000 + time[2])
    local turn = string.format('%s\n%.0f\n%s', lock, fence, record)
    -- Where nobody listens its process is dead, or has lost its connection and will ask again.
    local told = record == own and 1 or redis.pcall(command, channel, turn)
    if type(told) == 'number' and told > 0 then
      redis.call('SET', lock, record, 'PX', math.min(ttl, TURN_TIMEOUT))
      redis.call('HSET', state, 'fence', fence)
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
