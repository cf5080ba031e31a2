-- Included by scripts that use the state of a lock. Never shortens its time: an earlier claim may have to be remembered for
-- longer. An hour of slack saves most writes.
local HOUR = 60 * 60 * 1000
local function keep_state(state, ms)
  if redis.call('PTTL', state) < ms then
    redis.call('PEXPIRE', state, ms + HOUR)
  end
end
