import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { MurLockModule, MurLockService } from 'murlock';
import { LONG_TTL, TTL } from '../support/ttl.mjs';

export const title = 'murlock 4.4.0 (node-redis)';
export const leftOut = {
  leases: 'does not renew',
  'lease-memory': 'does not renew',
  'waiters-drain': 'not done within a minute',
};

const nothing = async () => {};

export async function open(port, { waits = false } = {}) {
  const redisOptions = { url: `redis://127.0.0.1:${port}` };
  // As in its README; one attempt without a pause is its nearest to a try.
  const patience = waits ? { wait: 1000, maxAttempts: 3, blocking: true } : { wait: 0, maxAttempts: 1 };
  const root = MurLockModule.forRoot({ redisOptions, logLevel: 'error', ...patience });
  const app = await NestFactory.createApplicationContext(root, { logger: ['error'] });
  const locks = app.get(MurLockService);
  return {
    cycle: (name) => locks.runWithLock(name, TTL, nothing),
    async attempt(name) {
      try {
        await locks.runWithLock(name, TTL, nothing);
        return true;
      } catch {
        return false;
      }
    },
    occupy: (name) =>
      new Promise((resolve, reject) => {
        const held = async () => {
          resolve();
          await new Promise(() => {});
        };
        locks.runWithLock(name, LONG_TTL, held).catch(reject);
      }),
    contend: (name, critical) => locks.runWithLock(name, TTL, critical),
  };
}
