-- Included, as the body of a function, by release.lua. Each function returns whether anything has changed.
-- include job-record.lua

local function read_claim(key, arg)
  return {
    key = KEYS[key],
    kind = ARGV[arg],
    time = ARGV[arg + 1],
    value = tonumber(ARGV[arg + 1]),
    retention = tonumber(ARGV[arg + 2]),
    application = ARGV[arg + 3],
    run = ARGV[arg + 4],
  }
end

local function mark_done(record, claim, time, state)
  record.time, record.state, record.owner, record.application = time, state, '', claim.application
  record.idle = nil
  return true
end

-- Also when the lease has expired meanwhile, unless another has begun the same since.
local function completed(record, claim, owner, holds, is_taken)
  if claim.kind == 'tick' and (holds or record.owner == owner) then
    return mark_done(record, claim, claim.value, 'done')
  elseif claim.kind == 'key' and not is_taken then
    return mark_done(record, claim, now() / 1000, claim.time)
  end
  return false
end

-- Gives back what was granted to this owner, also if another has the lock now.
local function void(record, claim, owner)
  -- An owner that was told that nobody will run a tick was not granted it.
  if claim.kind == 'hand' or record.owner ~= owner or record.state == 'passed' then
    return false
  end
  -- Nor has one that gave it up.
  local begun = tonumber(string.match(record.state, '^given up (%d+)$'))
  local before = begun or (tonumber(record.state) or 1) - 1
  record.owner = ''
  if claim.kind == 'gap' then
    -- It was granted since the one before was long enough ago, and still is.
    record.time, record.state = nil, ''
  elseif before > 0 then
    -- It was begun by others before.
    record.state = before
  else
    -- The ticks before it stay done, and those that nobody was granted stay untold.
    record.time, record.state = record.time - 1, 'done'
  end
  return true
end

-- Says of a run how it has ended, unless that is known.
local function end_run(record, claim)
  local token, outcome, took, error = string.match(claim.run, '^(%d+)\t([^\t]*)\t(%d*)\t(.*)$')
  local count
  record.runs, count = string.gsub(
    runs_of(record),
    '\n' .. token .. '\t[^\t]+\t[^\t]*\t[^\t]*\t[^\t]*\t(%d+)',
    function(started)
      local duration = took
      if took == '' then
        duration = string.format('%.0f', math.max(0, math.floor(now() / 1000) - started))
      end
      return '\n' .. table.concat({ token, '', outcome, duration, error, started }, '\t')
    end,
    1
  )
  return count > 0
end

local MARKS = { completed = completed, void = void }

return function(end_of_claim, key, arg, owner, holds, is_taken)
  local claim = read_claim(key, arg)
  local record = read_record(claim.key)
  local mark = MARKS[end_of_claim]
  local is_changed = mark and mark(record, claim, owner, holds, is_taken)
  if end_of_claim == 'void' then
    is_changed = remove_run(record, owner) or is_changed
  elseif claim.run ~= '' then
    is_changed = end_run(record, claim) or is_changed
  end
  if is_changed then
    write_record(record, claim.retention)
  end
end
