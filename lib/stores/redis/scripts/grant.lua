-- Included by scripts that give a lock to somebody, after holder.lua.
-- include clock.lua

-- A fencing token higher than any before it, for a grant of `ttl` ms. It is the clock, in case data was lost.
local function next_token(token_key, ttl)
  local token, retention = string.format('%.0f', now()), TOKEN_RETENTION + ttl
  local last = redis.pcall('SET', token_key, token, 'PX', retention, 'GET')
  -- A server before Redis 6.2 does not know this GET, and has done nothing. If it is something else, this fails as well.
  local is_set = type(last) ~= 'table'
  if not is_set then
    last = redis.call('GET', token_key)
  end
  last = tonumber(last) or 0
  if is_set and last < time then
    return token
  end
  token = string.format('%.0f', math.max(last + 1, time))
  redis.call('SET', token_key, token, 'PX', retention)
  return token
end

local function set_holder(lock, owner, token, rest, ttl)
  local text = '{"owner":"' .. owner .. '","token":' .. token .. rest
  redis.call('SET', lock, text, 'PX', ttl)
  return text
end
