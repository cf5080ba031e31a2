import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { LONG_TTL, TTL } from '../support/ttl.mjs';
import { decorate } from '../support/decorate.mjs';

export const title = 'nestjs-exclusive-lock';

class Work {
  async decorated() {}
}
decorate(Work, 'decorated', Exclusive('work'));

export async function open(port, { memory = false } = {}) {
  const where = memory ? { store: 'memory' } : { redis: `redis://127.0.0.1:${port}` };
  class AppModule {}
  Module({ imports: [ExclusiveLockModule.forRoot({ ttl: TTL, ...where })], providers: [Work] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
  const locks = app.get(ExclusiveLockService);
  const work = app.get(Work);
  const nothing = async () => {};
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
