// The same with a fencing token: the least that a script needs to grant a lock with a number that grows over a loss of
// data, and to say who has it. What is between this and raw ioredis is the price of a script, whoever calls it.
import { randomUUID } from 'node:crypto';
import { TTL } from '../support/ttl.mjs';
import { openIoredis } from '../support/redis-clients.mjs';

export const title = 'raw ioredis with a fencing token';
export const leftOut = {
  leases: 'has no renewal',
  'hand-over': 'has no waiting',
  'idle-waiters': 'has no waiting',
};

const ACQUIRE = `
local holder = redis.call('GET', KEYS[1])
if holder then
  return { holder, redis.call('PTTL', KEYS[1]) }
end
local time = redis.call('TIME')
local fence = math.max((redis.call('GET', KEYS[2]) or 0) + 1, time[1] * 1000000 + time[2])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], fence)
return fence`;
const RELEASE =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

export async function open(port) {
  const redis = await openIoredis(port);
  redis.defineCommand('acquireLock', { numberOfKeys: 2, lua: ACQUIRE });
  redis.defineCommand('releaseLock', { numberOfKeys: 1, lua: RELEASE });
  const owner = randomUUID();
  let count = 0;
  const newToken = () => `${owner}.${++count}`;
  const acquire = async (key, token) =>
    typeof (await redis.acquireLock(key, `${key}:fence`, token, TTL)) === 'number';
  return {
    async cycle(name) {
      const token = newToken();
      if (!(await acquire(name, token))) throw new Error('busy');
      await redis.releaseLock(name, token);
    },
    attempt: (name) => acquire(name, newToken()),
    occupy: (name) => redis.set(name, newToken(), 'NX'),
  };
}
