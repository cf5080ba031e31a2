-- Reads one lock in one step.
-- KEYS[1]  the lock     KEYS[2]  its queue
-- Replies  {} when it is free, else {record, remaining ms, length of the queue}
local record = redis.call('GET', KEYS[1])
if not record then
  return {}
end
return { record, redis.call('PTTL', KEYS[1]), redis.call('ZCARD', KEYS[2]) }
