// Made from scripts/*.lua by tools/embed-scripts.mjs (npm run embed). Do not edit.
/** The Lua scripts and the names by which Redis knows them. */
export const SCRIPTS = {
  acquire: {
    sha: 'e35dd1785e1f01f32ed92678cec4a113daa621d7',
    lua: "-- Decides one acquisition, in the order of the rules of AcquireReply in lock-store.ts.\n-- KEYS[1]  the lock: the holder's record, with the lease as its expiry\n-- KEYS[2]  its state: a hash of `fence` (the last one granted) and `tick:<series>` (the last one granted)\n-- KEYS[3]  exists if this acquisition was undone before it arrived; its caller is gone\n-- ARGV[1]  the record of this acquisition     ARGV[2]  TTL in ms      ARGV[3]  retention of the state in ms\n-- ARGV[4]  series of the tick, or nothing     ARGV[5]  the tick, ms   ARGV[6]  how early is still due, ms\n-- Replies  {'granted', fence} | {'early', ms} | {'done'} | {'busy', record, remaining ms}\nlocal time = redis.call('TIME')\nlocal now = time[1] * 1000000 + time[2] -- microseconds, exact in a double until the year 2255\n\nif redis.call('EXISTS', KEYS[3]) == 1 then\n  return { 'done' }\nend\n\nlocal holder = redis.call('GET', KEYS[1])\nlocal retried = holder == ARGV[1]\n\nif ARGV[4] and not retried then\n  local early = tonumber(ARGV[5]) - now / 1000\n  if early > tonumber(ARGV[6]) then\n    return { 'early', math.ceil(early) }\n  end\n  local last = redis.call('HGET', KEYS[2], 'tick:' .. ARGV[4])\n  if last and tonumber(ARGV[5]) <= tonumber(last) then\n    return { 'done' }\n  end\nend\n\nif holder and not retried then\n  return { 'busy', holder, redis.call('PTTL', KEYS[1]) }\nend\n\nlocal last = tonumber(redis.call('HGET', KEYS[2], 'fence') or 0)\nlocal fence = last\nif not retried or last == 0 then\n  fence = math.max(last + 1, now)\nend\n\nredis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\nif ARGV[4] then\n  redis.call('HSET', KEYS[2], 'fence', string.format('%.0f', fence), 'tick:' .. ARGV[4], ARGV[5])\nelse\n  redis.call('HSET', KEYS[2], 'fence', string.format('%.0f', fence))\nend\nredis.call('PEXPIRE', KEYS[2], ARGV[3] + ARGV[2])\nreturn { 'granted', fence }\n",
  },
  inspect: {
    sha: '8f389df4621e4c084b5fd7b3f8ea94e44183df90',
    lua: "-- Reads one lock in one step.\n-- KEYS[1]  the lock     KEYS[2]  its state\n-- Replies  {} when it is free, else {record, remaining ms, fence or false}\nlocal record = redis.call('GET', KEYS[1])\nif not record then\n  return {}\nend\nreturn { record, redis.call('PTTL', KEYS[1]), redis.call('HGET', KEYS[2], 'fence') }\n",
  },
  release: {
    sha: 'cdc037ab5cc98a2ae31a4ef1a4bf1c3842d326ed',
    lua: "-- Frees the lock if the record holds it; changes nothing otherwise.\n-- KEYS[1]  the lock     ARGV[1]  the record\n-- Replies  'held' | 'taken' | 'vanished'\nlocal holder = redis.call('GET', KEYS[1])\nif holder == ARGV[1] then\n  redis.call('DEL', KEYS[1])\n  return 'held'\nend\nreturn holder and 'taken' or 'vanished'\n",
  },
  renew: {
    sha: '2f95d1866ac9d5ba94ab47cb8a91688634097878',
    lua: "-- Gives leases their full TTL again, from now, where the record still holds the lock.\n-- KEYS     lock and state of each lease in turn\n-- ARGV[1]  retention of the state in ms, then record and TTL in ms of each lease in turn\n-- Replies  a word for each lease: 'held' | 'taken' | 'vanished'\nlocal replies = {}\nfor i = 1, #KEYS, 2 do\n  local record, ttl = ARGV[i + 1], ARGV[i + 2]\n  -- A key of another type is somebody else's, and must not keep the other leases from being renewed.\n  local holder = redis.pcall('GET', KEYS[i])\n  if holder == record then\n    redis.call('PEXPIRE', KEYS[i], ttl)\n    redis.call('PEXPIRE', KEYS[i + 1], ARGV[1] + ttl)\n    replies[#replies + 1] = 'held'\n  else\n    replies[#replies + 1] = holder and 'taken' or 'vanished'\n  end\nend\nreturn replies\n",
  },
  undo: {
    sha: '8a8960d63d5ff7c995fe7dbb77e964ec928b190e',
    lua: "-- Frees the lock if the record holds it, and lets the record never have it: its acquisition may still be on its way.\n-- KEYS[1]  the lock     KEYS[2]  the mark that the record was undone\n-- ARGV[1]  the record   ARGV[2]  how long the mark is kept, ms\n-- Replies  'held' | 'taken' | 'vanished'\nredis.call('SET', KEYS[2], '', 'PX', ARGV[2])\nlocal holder = redis.call('GET', KEYS[1])\nif holder == ARGV[1] then\n  redis.call('DEL', KEYS[1])\n  return 'held'\nend\nreturn holder and 'taken' or 'vanished'\n",
  },
} as const;
