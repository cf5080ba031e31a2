-- Frees the lock if the record holds it, and marks what was completed.
-- KEYS[1]  the lock     KEYS[2]  its fence     KEYS[3]  its queue     KEYS[4]  where something was completed: its mark
-- ARGV[1]  how the record begins
-- and, where something was completed: ARGV[2]  'tick' | 'key'     ARGV[3]  the tick, ms
-- ARGV[4]  how long the mark is kept, ms                          ARGV[5]  the application
-- Replies  'held' | 'taken' | 'vanished'
-- include grant.lua
-- include hand-over.lua
-- include mark.lua
local beginning, kind = ARGV[1], ARGV[2]
local holder = redis.call('GET', KEYS[1])
local holds = holder and string.sub(holder, 1, #beginning) == beginning

if kind then
  -- Writes nothing new, so a server without memory lets it pass, and with it all that follows: no memory is freed by locks that
  -- nobody can give back.
  redis.call('PEXPIRE', KEYS[4], ARGV[4])
end
-- Also when the lease has expired meanwhile, unless others have begun the same since.
if kind == 'tick' and (holds or read_mark(KEYS[4]).owner == beginning) then
  write_mark(KEYS[4], ARGV[3], 'done', beginning, ARGV[5], ARGV[4])
elseif kind == 'key' and (holds or not holder) then
  local time = redis.call('TIME')
  write_mark(KEYS[4], string.format('%.3f', time[1] * 1000 + time[2] / 1000), 'done', beginning, ARGV[5], ARGV[4])
end
if not holds then
  return holder and 'taken' or 'vanished'
end
free(KEYS[1], KEYS[2], KEYS[3])
return 'held'
