-- Included, as the body of a function, by acquire.lua.
-- include marks.lua

local function read_claim(key, arg)
  return {
    key = KEYS[key],
    kind = ARGV[arg],
    time = ARGV[arg + 2],
    value = tonumber(ARGV[arg + 2]),
    retention = ARGV[arg + 3],
    application = ARGV[arg + 4],
    most = tonumber(ARGV[arg + 5]),
    asked_at = tonumber(ARGV[arg + 6]),
  }
end

-- Whether this owner was granted what it claims. Of a key what was completed is marked, not what was granted.
local function is_own(mark, claim, owner)
  return mark.owner == owner and claim.kind ~= 'key' and (claim.kind == 'gap' or mark.time == claim.value)
end

local function done(mark, attempts)
  return { 'done', now() / 1000, mark.application, attempts }
end

-- What its mark says to a tick that was granted before.
local function refusal_of_same(mark, claim, owner, is_free)
  local own = is_own(mark, claim, owner)
  if claim.most == 0 then
    return not own and done(mark)
  end
  local given_up = own and string.match(mark.state, '^given up (%d+)$')
  local attempts = tonumber(given_up or mark.state)
  if not attempts or given_up then
    return done(mark, attempts)
  end
  if is_free and not own and attempts >= claim.most then
    write_mark(claim.key, claim.time, 'given up ' .. attempts, owner, mark.application, claim.retention)
    return done(mark, attempts)
  end
end

-- Rules 2 and 3; nothing if the claim may be granted.
local function refusal_of(mark, claim, owner, is_free)
  local now_ms = now() / 1000
  if claim.kind == 'tick' and claim.value - now_ms > EARLY_TOLERANCE then
    return { 'early', now_ms, math.ceil(claim.value - now_ms) }
  elseif not mark.time then
    local is_behind = claim.asked_at and now_ms - claim.asked_at > BEHIND_TOLERANCE
    return is_behind and { 'behind', now_ms }
  elseif mark.time - now_ms > EARLY_TOLERANCE then
    -- Nothing is marked more than that before its time: the clock was set back since.
    return nil
  elseif claim.kind == 'key' then
    return done(mark)
  elseif claim.kind == 'gap' then
    return now_ms - mark.time < claim.value and mark.owner ~= owner and done(mark)
  elseif claim.value == mark.time then
    return refusal_of_same(mark, claim, owner, is_free)
  end
  return claim.value < mark.time and done(mark)
end

-- Returns the time of a mark from the future that this overwrites, or false.
local function mark_granted(mark, claim, owner)
  if claim.kind == 'tick' then
    local attempts = mark.time == claim.value and tonumber(mark.state) or 0
    -- An owner that asks again begins it once.
    local state = claim.most > 0 and attempts + (is_own(mark, claim, owner) and 0 or 1) or 'done'
    write_mark(claim.key, claim.time, state, owner, claim.application, claim.retention)
  elseif claim.kind == 'gap' then
    write_mark(claim.key, string.format('%.3f', now() / 1000), 'done', owner, claim.application, claim.retention)
  elseif mark.time then
    -- From the future: it would be told at each grant.
    redis.call('DEL', claim.key)
  end
  return mark.time and mark.time - now() / 1000 > EARLY_TOLERANCE and mark.time
end

return { read_claim = read_claim, read_mark = read_mark, is_own = is_own, refusal_of = refusal_of, mark_granted = mark_granted }
