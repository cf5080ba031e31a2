-- Gives leases their full TTL again, from now, where the record still holds the lock.
-- KEYS     the locks. Their states are in the same slots and not told, which would double what is sent for each lease.
-- ARGV[1]  retention of the states in ms     ARGV[2]  a line for each lease: its TTL in ms and its record
-- Replies  {} when all are held; else number and 'taken' | 'vanished' of each lease that is not
local lost = {}
local i = 0
for ttl, record in string.gmatch(ARGV[2], '(%d+) ([^\n]*)') do
  i = i + 1
  local lock = KEYS[i]
  -- A key of another type is somebody else's, and must not keep the other leases from being renewed.
  local holder = redis.pcall('GET', lock)
  if holder == record then
    redis.call('PEXPIRE', lock, ttl)
    local state = (string.find(lock, '{', 1, true) and lock or '{' .. lock .. '}') .. ':state'
    local keep = ARGV[1] + ttl
    -- An hour more, so as to write it seldom.
    if redis.call('PTTL', state) < keep then
      redis.call('PEXPIRE', state, keep + 3600000)
    end
  else
    lost[#lost + 1] = i
    lost[#lost + 1] = holder and 'taken' or 'vanished'
  end
end
return lost
