// The same with a fencing token: the least that a script needs to grant a lock with a number that grows over a loss of
// data, and to say who has it. What is between this and raw ioredis is the price of a script, whoever calls it.
import { TTL } from '../support/ttl.mjs';
import { openIoredis } from '../support/redis-clients.mjs';
import { rawLocks } from '../support/raw-locks.mjs';

export { leftOut } from '../support/raw-locks.mjs';
export const title = 'raw ioredis with a fencing token';

const ACQUIRE = `
local holder = redis.call('GET', KEYS[1])
if holder then
  return { holder, redis.call('PTTL', KEYS[1]) }
end
local time = redis.call('TIME')
local fencingToken = math.max((redis.call('GET', KEYS[2]) or 0) + 1, time[1] * 1000000 + time[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], fencingToken)
return fencingToken`;

export async function open(port) {
  const redis = await openIoredis(port);
  redis.defineCommand('acquireLock', { numberOfKeys: 2, lua: ACQUIRE });
  return rawLocks(
    redis,
    async (key, token) =>
      typeof (await redis.acquireLock(key, `${key}:fencingToken`, token, TTL)) === 'number',
  );
}
