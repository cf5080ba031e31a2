-- Included by scripts that deal with runs. The mark of a series is a key of its own: '<time>\n<state>\n<owner>\n<application>',
-- as RunMark in run-marks.ts.
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
