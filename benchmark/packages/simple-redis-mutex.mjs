import { createClient } from 'redis';
import { lock, tryLock } from 'simple-redis-mutex';
import { LONG_TTL, TTL } from '../support/ttl.mjs';

export const title = 'simple-redis-mutex 3.0.0 (node-redis)';
export const leftOut = { leases: 'does not renew by itself', 'lease-memory': 'does not renew by itself' };

export async function open(port) {
  const redis = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
  return {
    async cycle(name) {
      const [held, release] = await tryLock(redis, name, { timeout: TTL });
      if (!held) throw new Error('busy');
      await release();
    },
    async attempt(name) {
      const [held] = await tryLock(redis, name, { timeout: TTL });
      return held;
    },
    occupy: (name) => lock(redis, name, { timeout: LONG_TTL }),
    async contend(name, critical) {
      const release = await lock(redis, name, { timeout: TTL });
      try {
        await critical();
      } finally {
        await release();
      }
    },
  };
}
