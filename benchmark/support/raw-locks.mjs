import { randomUUID } from 'node:crypto';

/** What ioredis alone does not have, by workload. */
export const leftOut = {
  'hand-over': 'has no waiting',
  leases: 'has no renewal',
  'lease-memory': 'has no renewal',
  'idle-waiters': 'has no waiting',
  'waiters-drain': 'has no waiting',
};

const RELEASE =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

/** Locks of an ioredis client: `acquire` resolves to whether the token got the key; a script deletes only what is ours. */
export function rawLocks(redis, acquire) {
  redis.defineCommand('releaseLock', { numberOfKeys: 1, lua: RELEASE });
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
    /** The tick is part of the key: nothing to give back. */
    async runTick(name, tick, work) {
      if (await acquire(`${name}:${tick.getTime()}`, newToken())) await work();
    },
    occupy: (name) => redis.set(name, newToken(), 'NX'),
  };
}
