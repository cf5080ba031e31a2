-- Included by scripts that release or renew. Returns the text in the lock; false if it is free. A key of another type is somebody
-- else's, and no error: the other leases of the process must be renewed all the same.
local function text_in(lock)
  local text = redis.pcall('GET', lock)
  if type(text) ~= 'table' then
    return text
  end
  return string.find(text.err, 'WRONGTYPE', 1, true) and '' or redis.call('GET', lock)
end
