import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { decorate } from './decorate.mjs';
import { LONG_TTL, TTL } from './ttl.mjs';

const nothing = async () => {};

/** The first tick after a moment of a job that has one each minute: as with @Cron, a tick is asked for until then. */
const nextMinute = (tick) => (moment) => {
  const minutes = Math.floor((moment - tick) / 60_000) + 1;
  return new Date(tick.getTime() + minutes * 60_000);
};

/** `open` of a build of this library, given what it exports. */
export function opener({ Exclusive, ExclusiveLockModule, ExclusiveLockService }) {
  /** The application: its module is the object that has a decorated method. */
  class Work {
    async decorated() {}
  }
  decorate(Work, 'decorated', Exclusive('work'));

  /** An application with a job of each second. */
  class Ticking {
    /** When it ran, in whole seconds. */
    runs = [];
    async tick() {
      this.runs.push(Math.round(Date.now() / 1000));
    }
  }
  decorate(Ticking, 'tick', Exclusive('tick'));
  decorate(Ticking, 'tick', Cron('* * * * * *'));

  return async (port, { memory = false, ticking = false } = {}) => {
    const where = memory ? { store: 'memory' } : { redis: `redis://127.0.0.1:${port}` };
    const imports = [ExclusiveLockModule.forRoot({ ttl: TTL, ...where })];
    if (ticking) imports.push(ScheduleModule.forRoot());
    const root = { module: ticking ? Ticking : Work, imports };
    const app = await NestFactory.createApplicationContext(root, { logger: ['error', 'warn'] });
    const locks = app.get(ExclusiveLockService);
    const module = app.get(root.module);
    return {
      async cycle(name) {
        const lease = await locks.acquire(name);
        if (!lease) throw new Error('busy');
        await lease.release();
      },
      async attempt(name) {
        const outcome = await locks.run(name, nothing);
        if (outcome.status === 'ran') return true;
        // Both are part of the answer, so what they cost is, too.
        if (!outcome.holder.replica || !(outcome.remaining > 0))
          throw new Error('does not tell who holds it');
        return false;
      },
      occupy: (name) => locks.acquire(name, { ttl: LONG_TTL }),
      hold: (name) => locks.acquire(name),
      contend: (name, critical) => locks.run(name, critical, { wait: true }),
      runTick: (name, tick, work) =>
        locks.run(name, work, { occurrence: { tick, following: nextMinute(tick) } }),
      runWork: () => locks.run('work', nothing),
      callDecorated: () => module.decorated(),
      runsOfTicks: () => module.runs,
    };
  };
}
