import { LONG_TTL, TTL } from './ttl.mjs';

/** The two forks of redlock 5 have one API. Settings are those of their README, but for the number of attempts. */
export function locksOf(once, waiting) {
  return {
    async cycle(name) {
      const lock = await once.acquire([name], TTL);
      await lock.release();
    },
    async attempt(name) {
      try {
        await once.acquire([name], TTL);
        return true;
      } catch {
        return false;
      }
    },
    occupy: (name) => once.acquire([name], LONG_TTL),
    hold: (name) =>
      new Promise((resolve, reject) => {
        const held = async () => {
          resolve();
          await new Promise(() => {});
        };
        once.using([name], TTL, held).catch(reject);
      }),
    async contend(name, critical) {
      const lock = await waiting.acquire([name], TTL);
      try {
        await critical();
      } finally {
        await lock.release();
      }
    },
  };
}
