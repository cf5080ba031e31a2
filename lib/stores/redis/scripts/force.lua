-- Frees the lock of any owner, if it is still the grant with this fencing token.
-- KEYS[1]  the lock     KEYS[2]  its last fencing token     KEYS[3]  its queue     ARGV[1]  the fencing token of the grant
-- Replies  'held' | 'taken' | 'vanished'
-- include holder.lua
-- include grant.lua
local function make_queues()
  -- include queue.lua
end
local text = redis.call('GET', KEYS[1])
if not text then
  return 'vanished'
end
-- A lock that another program took has none.
if tonumber(string.match(text, TOKEN)) ~= tonumber(ARGV[1]) then
  return 'taken'
end
make_queues().free(KEYS[1], KEYS[2], KEYS[3])
return 'held'
