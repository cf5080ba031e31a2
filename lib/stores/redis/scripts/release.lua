-- Ends acquisitions: frees the lock if the owner holds it, and records what became of its claim.
-- KEYS     of each: the lock     its last fencing token     its queue
--          the sign that its owner is void, if it is unsettled     the record of the job, if something is recorded
-- ARGV     of each: owner     'unsettled' if a copy of its request may still arrive, which must not be granted, or ''
--          'completed' | 'unfinished' | 'void', or '' if nothing is recorded
--          and, if something is: 'tick' | 'gap' | 'key', or 'hand' if nothing is marked     the tick, gap or memory, ms
--          how long the record is kept, ms     the application     '<fencing token>\t<outcome>\t<duration, ms, or
--          nothing>\t<error>' of the run, or ''
-- Replies  of each: 'held' | 'taken' | 'vanished'; false if it is to be asked for alone
-- include holder.lua
-- include text-in.lua
-- include grant.lua

-- Functions are made anew by each call. Those that few requests need are made when one needs them.
local queues, record_end
local function make_queues()
  -- include queue.lua
end
local function make_record_end()
  -- include ends.lua
end

-- Writes though the server has no memory left: after PEXPIRE, which takes none, it lets the script go on. No memory is freed by
-- locks that nobody can give back.
local function though_full(token_key, write, ...)
  if not pcall(write, ...) then
    redis.call('PEXPIRE', token_key, TOKEN_RETENTION)
    write(...)
  end
end

local function finish(key, arg)
  local lock, token_key, queue = KEYS[key], KEYS[key + 1], KEYS[key + 2]
  local owner, is_unsettled, end_of_claim = ARGV[arg], ARGV[arg + 1] ~= '', ARGV[arg + 2]
  local void, record_key = KEYS[key + 3], key + (is_unsettled and 4 or 3)
  local text = text_in(lock)
  local holds = is_held_by(owner, text)

  -- First what is recorded: until that is accepted the lock stays, so that nobody does the same again.
  if is_unsettled then
    though_full(token_key, redis.call, 'SET', void, '', 'PX', VOID_RETENTION)
  end
  if end_of_claim ~= '' then
    record_end = record_end or make_record_end()
    though_full(token_key, record_end, end_of_claim, record_key, arg + 3, owner, holds, text and not holds)
  end

  -- Nobody waits, and the lock is the owner's: nearly always.
  local is_queue = redis.call('EXISTS', queue) == 1
  if is_queue then
    queues = queues or make_queues()
  end
  if holds and is_queue then
    queues.free(lock, token_key, queue)
  elseif holds then
    redis.call('DEL', lock)
  elseif is_queue then
    queues.leave(queue, owner)
  end
  return holds and 'held' or text and 'taken' or 'vanished'
end

-- Of one request there are five keys at most.
if #KEYS <= 5 then
  return { finish(1, 1) }
end
local replies, key, arg = {}, 1, 1
while ARGV[arg] do
  -- An error of one lock must not be that of the others.
  local ok, reply = pcall(finish, key, arg)
  replies[#replies + 1] = ok and reply
  local is_unsettled, records = ARGV[arg + 1] ~= '', ARGV[arg + 2] ~= ''
  key = key + 3 + (is_unsettled and 1 or 0) + (records and 1 or 0)
  arg = arg + (records and 8 or 3)
end
return replies
