// What everything is compared with: the recipe of the Redis documentation, with ioredis and nothing around it.
import { randomUUID } from 'node:crypto';
import { TTL } from '../support/ttl.mjs';
import { openIoredis } from '../support/redis-clients.mjs';

export const title = 'raw ioredis (SET NX PX, owner-checked DEL)';
export const leftOut = {
  leases: 'has no renewal',
  'hand-over': 'has no waiting',
  'idle-waiters': 'has no waiting',
};

const RELEASE =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

export async function open(port) {
  const redis = await openIoredis(port);
  redis.defineCommand('releaseLock', { numberOfKeys: 1, lua: RELEASE });
  const acquire = async (key, token) => (await redis.set(key, token, 'PX', TTL, 'NX')) === 'OK';
  const owner = randomUUID();
  let count = 0;
  const newToken = () => `${owner}.${++count}`;
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
