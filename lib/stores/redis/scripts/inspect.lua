-- Reads one lock in one step.
-- KEYS[1]  the lock     KEYS[2]  its queue
-- Replies  {} when it is free, else {text in the lock, remaining ms, length of the queue}
local text = redis.call('GET', KEYS[1])
if not text then
  return {}
end
return { text, redis.call('PTTL', KEYS[1]), redis.call('ZCARD', KEYS[2]) }
