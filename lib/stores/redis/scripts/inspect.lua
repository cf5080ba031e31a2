-- Reads one lock in one step.
-- KEYS[1]  the lock     KEYS[2]  its state     KEYS[3]  its queue
-- Replies  {} when it is free, else {record, remaining ms, fence or false, length of the queue}
local record = redis.call('GET', KEYS[1])
if not record then
  return {}
end
return { record, redis.call('PTTL', KEYS[1]), redis.call('HGET', KEYS[2], 'fence'), redis.call('ZCARD', KEYS[3]) }
