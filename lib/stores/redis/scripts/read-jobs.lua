-- Reads what is known of jobs.
-- KEYS     of each: the lock     the record of the job
-- Replies  {now, ms}, and of each: text in the lock     record; false if there is none
-- include clock.lua
local values = redis.call('MGET', unpack(KEYS))
table.insert(values, 1, math.floor(now() / 1000))
return values
