-- Reads one lock in one step.
-- KEYS[1]  the lock     KEYS[2]  its state
-- Replies  {} when it is free, else {record, remaining ms, fence or false}
local record = redis.call('GET', KEYS[1])
if not record then
  return {}
end
return { record, redis.call('PTTL', KEYS[1]), redis.call('HGET', KEYS[2], 'fence') }
