-- Included, as the body of a function, by acquire.lua.
-- include job-record.lua

local function read_claim(key, arg)
  local within, next_tick = string.match(ARGV[arg + 7], '^(%S+) (%S+)$')
  local history, replica = string.match(ARGV[arg + 8], '^(%d+) (.*)$')
  return {
    key = KEYS[key],
    kind = ARGV[arg],
    time = ARGV[arg + 2],
    value = tonumber(ARGV[arg + 2]),
    retention = tonumber(ARGV[arg + 3]),
    application = ARGV[arg + 4],
    most = tonumber(ARGV[arg + 5]),
    asked_at = tonumber(ARGV[arg + 6]),
    within = tonumber(within),
    next_tick = tonumber(next_tick),
    history = tonumber(history) or 0,
    replica = replica,
  }
end

-- Whether this owner was granted what it claims. Of a key what was completed is marked, not what was granted.
local function is_own(record, claim, owner)
  return record.owner == owner and (claim.kind == 'gap' or claim.kind == 'tick' and record.time == claim.value)
end

-- When the run of the tick that is marked has ended; nothing if that is not known.
local function end_of_run(record)
  local tick = string.format('%.0f', record.time)
  local run = '\n%d+\t[^\t]*\t[^\t]*\t(%d+)\t[^\t]*\t(%d+)\t' .. tick .. '\t'
  local duration, started = string.match(runs_of(record), run)
  return duration and started + duration
end

-- Since when no tick of the job was granted, as a claim of a later one is told; nothing if that is not known.
local function idle_before(record, claim)
  local time = record.time
  if claim.kind ~= 'tick' or claim.history == 0 or not time or claim.value <= time then
    return nil
  elseif time - now() / 1000 > EARLY_TOLERANCE then
    return nil
  elseif record.owner == '' and record.idle then
    -- An owner that never began it has told nobody.
    return record.idle
  end
  return math.max(time, end_of_run(record) or 0)
end

local function mark(record, claim, time, state, owner)
  record.idle = idle_before(record, claim)
  record.time, record.state, record.owner, record.application = time, state, owner, claim.application
end

-- The newest runs of a record, so many of them. Each begins with a line feed.
local function newest(runs, most)
  local next_run = 1
  for _ = 1, most do
    next_run = string.find(runs, '\n', next_run + 1, true)
    if not next_run then
      return runs
    end
  end
  return string.sub(runs, 1, next_run - 1)
end

local function run_of(claim, token, owner, outcome)
  local tick = claim.kind == 'tick' and claim.time or ''
  local by = claim.kind == 'hand' and 'hand' or claim.within and token ~= 0 and 'missed' or ''
  local started = string.format('%.0f', math.floor(now() / 1000))
  return '\n' .. table.concat({ token, owner, outcome, '', '', started, tick, by, claim.replica }, '\t')
end

-- Records that it runs from now on. Of what this owner was granted before, it has not heard.
local function begin_run(record, claim, token, owner)
  if claim.history == 0 then
    record.runs = ''
    return
  end
  remove_run(record, owner)
  record.runs = newest(run_of(claim, token, owner, 'running') .. runs_of(record), claim.history)
end

local function done(record, attempts)
  return { 'done', now() / 1000, record.application, attempts }
end

-- It is told again to an owner whose first reply was lost.
local function missed(record)
  return { 'done', now() / 1000, false, false, 1, record.idle or false }
end

-- What its mark says to a tick that was granted before.
local function refusal_of_same(record, claim, owner, is_free)
  local own = is_own(record, claim, owner)
  if own and record.state == 'passed' then
    return missed(record)
  elseif claim.most == 0 then
    return not own and done(record)
  end
  local given_up = own and string.match(record.state, '^given up (%d+)$')
  local attempts = tonumber(given_up or record.state)
  if not attempts or given_up then
    return done(record, attempts)
  end
  if is_free and not own and attempts >= claim.most then
    record.state, record.owner, record.idle = 'given up ' .. attempts, owner, nil
    write_record(record, claim.retention)
    return done(record, attempts)
  end
end

-- What a mark says, if it is none from the future.
local function refusal_by_mark(record, claim, owner, is_free)
  local age = now() / 1000 - record.time
  if claim.kind == 'key' then
    return age < (tonumber(record.state) or math.huge) and done(record)
  elseif claim.kind == 'gap' then
    return age < claim.value and record.owner ~= owner and done(record)
  elseif claim.value == record.time then
    return refusal_of_same(record, claim, owner, is_free)
  end
  return claim.value < record.time and done(record)
end

-- Of a tick that nothing else refuses, but nobody may have been granted in time. Without a mark that counts it is not known
-- whether somebody was.
local function refusal_of_missed(record, claim, owner, is_known)
  local now_ms = now() / 1000
  local late = now_ms - claim.value
  if not is_known or late >= claim.next_tick - now_ms then
    return { 'done', now_ms }
  elseif late <= claim.within then
    return nil
  elseif claim.value == record.time then
    -- Somebody has begun it.
    return { 'done', now_ms }
  end
  mark(record, claim, claim.value, 'passed', owner)
  if claim.history > 0 then
    record.runs = newest(run_of(claim, 0, '', 'missed') .. runs_of(record), claim.history)
  end
  write_record(record, claim.retention)
  return missed(record)
end

-- A tick that comes due during a pause counts as granted: an operator did not want it, so nobody has missed it.
local function refusal_of_paused(record, claim, owner)
  local latest = now() / 1000 + EARLY_TOLERANCE
  local is_due = claim.kind == 'tick' and record.time and record.time <= latest and claim.value <= latest
  if is_due and claim.value > record.time then
    mark(record, claim, claim.value, 'passed', owner)
    write_record(record, claim.retention)
  end
  return { 'paused', now() / 1000, string.match(record.pause, ' (.*)$'), record.owner == owner and record.idle or false }
end

-- Rules 2 and 3; nothing if the claim may be granted.
local function refusal_of(record, claim, owner, is_free)
  if claim.kind == 'hand' then
    return nil
  end
  local now_ms = now() / 1000
  if record.pause ~= '' then
    return refusal_of_paused(record, claim, owner)
  elseif claim.kind == 'tick' and claim.value - now_ms > EARLY_TOLERANCE then
    return { 'early', now_ms, math.ceil(claim.value - now_ms) }
  elseif not record.time and claim.asked_at and now_ms - claim.asked_at > BEHIND_TOLERANCE then
    return { 'behind', now_ms }
  end
  -- Nothing is marked more than that before its time: the clock was set back since.
  local is_known = record.time and record.time - now_ms <= EARLY_TOLERANCE
  local refusal = is_known and refusal_by_mark(record, claim, owner, is_free)
  if not refusal and claim.within and not (is_known and is_own(record, claim, owner)) then
    return refusal_of_missed(record, claim, owner, is_known)
  end
  return refusal
end

-- Marks what was granted, and records the run. Returns the time of a mark from the future that this overwrites, or false.
local function mark_granted(record, claim, token, owner)
  local time, was_there = record.time, record.text
  local future = claim.kind ~= 'hand' and time and time - now() / 1000 > EARLY_TOLERANCE and time
  if claim.kind == 'tick' then
    local attempts = time == claim.value and tonumber(record.state) or 0
    -- An owner that asks again begins it once.
    local state = claim.most > 0 and attempts + (is_own(record, claim, owner) and 0 or 1) or 'done'
    if not is_own(record, claim, owner) then
      mark(record, claim, claim.value, state, owner)
    end
  elseif claim.kind == 'gap' then
    mark(record, claim, now() / 1000, claim.time, owner)
  elseif claim.kind == 'key' then
    -- It is marked when it is completed. A mark from the future would be told at each grant.
    mark(record, claim, nil, '', '')
  end
  begin_run(record, claim, token, owner)
  if was_there or record.time or record.runs ~= '' then
    write_record(record, claim.retention)
  end
  return future
end

return {
  read_claim = read_claim,
  record_of = record_of,
  is_own = is_own,
  refusal_of = refusal_of,
  mark_granted = mark_granted,
}
