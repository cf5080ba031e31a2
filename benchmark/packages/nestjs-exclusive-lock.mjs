import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { LONG_TTL, TTL } from '../support/ttl.mjs';
import { decorate } from '../support/decorate.mjs';

export const title = 'nestjs-exclusive-lock';

/** The application: its module is the object that has a decorated method. */
class Work {
  async decorated() {}
}
decorate(Work, 'decorated', Exclusive('work'));

const nothing = async () => {};

export async function open(port, { memory = false } = {}) {
  const where = memory ? { store: 'memory' } : { redis: `redis://127.0.0.1:${port}` };
  const root = { module: Work, imports: [ExclusiveLockModule.forRoot({ ttl: TTL, ...where })] };
  const app = await NestFactory.createApplicationContext(root, { logger: ['error', 'warn'] });
  const locks = app.get(ExclusiveLockService);
  const work = app.get(Work);
  return {
    async cycle(name) {
      const lease = await locks.acquire(name);
      if (!lease) throw new Error('busy');
      await lease.release();
    },
    attempt: async (name) => (await locks.acquire(name)) !== null,
    occupy: (name) => locks.acquire(name, { ttl: LONG_TTL }),
    hold: (name) => locks.acquire(name),
    contend: (name, critical) => locks.run(name, critical, { wait: true }),
    runWork: () => locks.run('work', nothing),
    callDecorated: () => work.decorated(),
  };
}
