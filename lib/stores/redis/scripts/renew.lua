-- Gives leases their full TTL again, from now, where the record still holds the lock.
-- KEYS     the locks
-- ARGV[1]  a line for each lease: its TTL in ms and how its record begins, and no other
-- Replies  {number, 'taken' | 'vanished'} of each lease that is not held any more
local lost = {}
local i = 0
for ttl, beginning in string.gmatch(ARGV[1], '(%d+) ([^\n]*)') do
  i = i + 1
  -- A key of another type is somebody else's, and must not keep the other leases from being renewed.
  local holder = redis.pcall('GET', KEYS[i])
  if type(holder) == 'string' and string.sub(holder, 1, #beginning) == beginning then
    redis.call('PEXPIRE', KEYS[i], ttl)
  else
    lost[#lost + 1] = { i, holder and 'taken' or 'vanished' }
  end
end
return lost
