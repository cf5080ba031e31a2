-- Included by scripts that free a lock. Gives it to whoever has waited for longest, for as long as that one may take to
-- answer, and tells its process. Returns its record; nil when nobody waits.
-- queue    the sorted set of those who wait: '<command>\n<channel>\n<TTL in ms>\n<record>', by when they began, in µs
-- own      the record of the caller, which needs not be told
local function hand_over(lock, state, queue, own)
  -- Looked for first: after any command that may write, Redis would let the script go on without memory.
  while redis.call('EXISTS', queue) == 1 do
    local ticket = redis.call('ZPOPMIN', queue)[1]
    local command, channel, ttl, record = string.match(ticket, '^(%u+)\n([^\n]*)\n(%d+)\n(.*)$')
    -- Where nobody listens its process is dead, or has lost its connection and will ask again.
    local told = record == own and 1 or redis.pcall(command, channel, lock)
    if type(told) == 'number' and told > 0 then
      local time = redis.call('TIME')
      local last = tonumber(redis.call('HGET', state, 'fence') or 0)
      local fence = math.max(last + 1, time[1] * 1000000 + time[2])
      redis.call('SET', lock, record, 'PX', math.min(ttl, 1000))
      redis.call('HSET', state, 'fence', fence)
      return record
    end
  end
end
