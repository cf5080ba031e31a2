import { IoredisAdapter, createLock } from 'redlock-universal';
import { openIoredis } from '../support/redis-clients.mjs';
import { LONG_TTL, TTL } from '../support/ttl.mjs';

export const title = 'redlock-universal 0.8.5';

/** It has no value for "as long as it takes". */
const MANY = 1_000_000;

export async function open(port) {
  const adapter = new IoredisAdapter(await openIoredis(port));
  const lockOf = (key, options) => createLock({ adapter, key, ttl: TTL, retryAttempts: 0, ...options });
  return {
    async cycle(name) {
      const lock = lockOf(name);
      await lock.release(await lock.acquire());
    },
    async attempt(name) {
      try {
        await lockOf(name).acquire();
        return true;
      } catch {
        return false;
      }
    },
    occupy: (name) => lockOf(name, { ttl: LONG_TTL }).acquire(),
    hold: (name) =>
      new Promise((resolve, reject) => {
        const held = async () => {
          resolve();
          await new Promise(() => {});
        };
        lockOf(name).using(held).catch(reject);
      }),
    async contend(name, critical) {
      const lock = lockOf(name, { retryAttempts: MANY });
      const handle = await lock.acquire();
      try {
        await critical();
      } finally {
        await lock.release(handle);
      }
    },
  };
}
