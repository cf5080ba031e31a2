--!df flags=allow-undeclared-keys
-- Dragonfly reads the line above. Which locks there are is known here only.
-- Reads the next locks of one server, a page at a time.
-- ARGV[1]  where to go on, '0' to begin     ARGV[2]  what their keys match     ARGV[3]  how many keys to look at
-- Replies  {where to go on, {key, text, remaining ms, length of the queue}, …}
-- include slot-of.lua
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local reply = { page[1] }
for _, key in ipairs(page[2]) do
  -- Other keys of this name are no locks: of another type, or empty, or what is kept of a lock, as slot-of.lua names it.
  local text = redis.pcall('GET', key)
  if type(text) == 'string' and text ~= '' and not string.find(key, '{}:', 1, true) then
    reply[#reply + 1] = { key, text, redis.call('PTTL', key), redis.call('ZCARD', slot_of(key) .. ':queue') }
  end
end
return reply
