-- Included by scripts that deal with jobs, after clock.lua. What is known of a job is a key of its own, of lines:
--   <time of the mark, ms, or nothing if there is none>, <state>, <owner> <idle since, ms, or nothing>, <application>
--     as RunMark in run-marks.ts. The state of a tick is how often it was granted without being completed; 'done'; 'passed' or
--     'given up <how often>', whose owner is the one that was told. The state of a gap or a key: for how many ms it decides.
--   <end of the pause, ms; 0 if it has none> <the pause>, or nothing
--   and of each run, the newest first: <fencing token>, <owner, until it has ended>, <outcome>, <duration, ms>, <error>,
--     <started, ms>, <tick>, <'missed' | 'hand' | nothing>, <replica>; with tabs between them. One that is still 'running' when
--     its token is not that of the lock was abandoned.
-- Those who lose read the first five lines only.
local HEADER = '^([^\n]*)\n([^\n]*)\n([^\n ]*) ?([^\n]*)\n([^\n]*)\n?([^\n]*)()'

local function record_of(key, text)
  if not text then
    return { key = key, state = '', owner = '', application = '', pause = '', runs = '' }
  end
  local time, state, owner, idle, application, pause, rest = string.match(text, HEADER)
  local ends = tonumber(string.match(pause, '^%d+'))
  if ends and ends > 0 and ends <= now() / 1000 then
    pause, ends = '', nil
  end
  return {
    key = key,
    time = tonumber(time),
    state = state,
    owner = owner,
    idle = tonumber(idle),
    application = application,
    pause = pause,
    pause_ends = ends,
    text = text,
    rest = rest,
  }
end

local function read_record(key)
  return record_of(key, redis.call('GET', key))
end

local function runs_of(record)
  record.runs = record.runs or string.sub(record.text, record.rest)
  return record.runs
end

-- Kept for so many ms, and at least until its pause is over.
local function write_record(record, retention)
  local time = record.time and string.format('%.3f', record.time)
  local owner = record.idle and string.format('%s %.0f', record.owner, record.idle) or record.owner
  local text = table.concat({ time or '', record.state, owner, record.application }, '\n')
  local more = record.pause .. runs_of(record)
  if more ~= '' then
    text = text .. '\n' .. more
  end
  if not time and more == '' then
    redis.call('DEL', record.key)
  elseif record.pause_ends == 0 then
    redis.call('SET', record.key, text)
  else
    local paused = record.pause_ends and math.ceil(record.pause_ends - now() / 1000) or 0
    redis.call('SET', record.key, text, 'PX', math.max(retention, paused))
  end
end

-- Takes out the runs of this owner that have not ended.
local function remove_run(record, owner)
  local runs = runs_of(record)
  if not string.find(runs, '\t' .. owner .. '\t', 1, true) then
    return false
  end
  record.runs = string.gsub(runs, '\n%d+\t([^\t]*)\t[^\n]*', function(of)
    return of == owner and '' or nil
  end)
  return true
end
