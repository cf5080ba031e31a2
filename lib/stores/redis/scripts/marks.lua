-- Included by scripts that deal with claims. The mark of a job, its last run, is a key of its own:
-- '<time>\n<state>\n<owner>\n<application>', as RunMark in run-marks.ts. The state of a tick is how often it was granted
-- without being completed; 'done'; or 'given up <how often>', whose owner is the one that was told.
local function read_mark(key)
  local mark = redis.call('GET', key)
  if not mark then
    return {}
  end
  local time, state, owner, application = string.match(mark, '^([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
  return { time = tonumber(time), state = state, owner = owner, application = application }
end

local function write_mark(key, time, state, owner, application, retention)
  redis.call('SET', key, table.concat({ time, state, owner, application or '' }, '\n'), 'PX', retention)
end
