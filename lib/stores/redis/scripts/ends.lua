-- Included, as the body of a function, by release.lua.
-- include marks.lua

local function read_claim(key, arg)
  return {
    key = KEYS[key],
    kind = ARGV[arg],
    time = ARGV[arg + 1],
    retention = ARGV[arg + 2],
    application = ARGV[arg + 3],
  }
end

-- Also when the lease has expired meanwhile, unless another has begun the same since.
local function completed(key, arg, owner, holds, is_taken)
  local claim = read_claim(key, arg)
  if claim.kind == 'tick' and (holds or read_mark(claim.key).owner == owner) then
    write_mark(claim.key, claim.time, 'done', '', claim.application, claim.retention)
  elseif claim.kind == 'key' and not is_taken then
    write_mark(claim.key, string.format('%.3f', now() / 1000), 'done', '', claim.application, claim.retention)
  end
end

-- Gives back what was granted to this owner, also if another has the lock now.
local function void(key, arg, owner)
  local claim = read_claim(key, arg)
  local mark = read_mark(claim.key)
  if mark.owner ~= owner then
    return
  end
  -- An owner that gave a tick up has not begun it.
  local begun = tonumber(string.match(mark.state, '^given up (%d+)$'))
  local before = begun or (tonumber(mark.state) or 1) - 1
  if claim.kind == 'gap' then
    -- It was granted since the one before was long enough ago, and still is.
    redis.call('DEL', claim.key)
  elseif before > 0 then
    -- It was begun by others before.
    write_mark(claim.key, string.format('%.0f', mark.time), before, '', mark.application, claim.retention)
  else
    -- The ticks before it stay done.
    write_mark(claim.key, string.format('%.0f', mark.time - 1), 'done', '', mark.application, claim.retention)
  end
end

return { completed = completed, void = void }
