-- Gives leases their full TTL again, from now, if the owner still holds the lock.
-- KEYS     the locks
-- ARGV[1]  a line for each lease: its TTL in ms and its owner
-- Replies  {number, 'taken' | 'vanished'} of each lease that is not held any more
-- include holder.lua
-- include text-in.lua
local lost, i = {}, 0
for ttl, owner in string.gmatch(ARGV[1], '(%d+) ([^\n]*)') do
  i = i + 1
  local text = text_in(KEYS[i])
  if is_held_by(owner, text) then
    redis.call('PEXPIRE', KEYS[i], ttl)
  else
    lost[#lost + 1] = { i, text and 'taken' or 'vanished' }
  end
end
return lost
