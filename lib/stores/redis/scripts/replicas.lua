-- Reads the replicas that are known, as publish.lua has written them.
-- KEYS[1]  the replicas
-- Replies  {now, ms}, and the entry of each
-- include clock.lua
local known = { math.floor(now() / 1000) }
local fields = redis.call('HGETALL', KEYS[1])
for i = 2, #fields, 2 do
  local known_until, entry = string.match(fields[i], '^(%d+) (.*)$')
  if known_until and tonumber(known_until) > known[1] then
    known[#known + 1] = entry
  end
end
return known
