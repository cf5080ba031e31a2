import { Mutex } from 'redis-semaphore';
import { openIoredis } from '../support/redis-clients.mjs';
import { LONG_TTL, TTL } from '../support/ttl.mjs';

export const title = 'redis-semaphore 5.8.0';

const once = { lockTimeout: TTL, acquireAttemptsLimit: 1 };

export async function open(port) {
  const redis = await openIoredis(port);
  return {
    async cycle(name) {
      const mutex = new Mutex(redis, name, once);
      await mutex.acquire();
      await mutex.release();
    },
    attempt: (name) => new Mutex(redis, name, once).tryAcquire(),
    occupy: (name) => new Mutex(redis, name, { lockTimeout: LONG_TTL }).acquire(),
    hold: (name) => new Mutex(redis, name, { lockTimeout: TTL }).acquire(),
    async contend(name, critical) {
      const mutex = new Mutex(redis, name, { lockTimeout: TTL, acquireTimeout: LONG_TTL });
      await mutex.acquire();
      try {
        await critical();
      } finally {
        await mutex.release();
      }
    },
  };
}
