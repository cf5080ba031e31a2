import { Injectable } from '@nestjs/common';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { HANG } from '../../support/hang.js';
import { closeApps, startApp, type NestApp } from './support/nest-apps.js';

afterEach(closeApps);

const SECOND = 1000;
const EVERY_SECOND = '* * * * * *';
/** Once a year: only a call by hand runs it. */
const NEVER = '0 0 0 1 1 *';

interface Run {
  readonly job: string;
  readonly tick: number | undefined;
}

let runs: Run[] = [];

const note = (job: string): number =>
  runs.push({ job, tick: ExclusiveLockService.current()?.tick?.getTime() });

const ticksOf = (job: string) => runs.filter((run) => run.job === job).map(({ tick }) => tick);

beforeEach(() => {
  runs = [];
});

const startJobs = (Jobs: new () => object, store = new MemoryLockStore()) =>
  startApp({ locks: { store }, imports: [ScheduleModule.forRoot()], providers: [Jobs] });

/** Each time from now on that cron fires a job in one of the applications. */
function firingsOf(apps: readonly NestApp[]): Run[] {
  const fired: Run[] = [];
  for (const { module } of apps)
    for (const [job, cronJob] of module.get(SchedulerRegistry).getCronJobs())
      cronJob.addCallback(() => {
        fired.push({ job, tick: Math.floor(Number(cronJob.lastDate()) / SECOND) * SECOND });
      });
  return fired;
}

@Injectable()
class BothOrders {
  @Cron(EVERY_SECOND, { name: 'above' })
  @Exclusive('above')
  async above(): Promise<void> {
    note('above');
  }

  @Exclusive('below')
  @Cron(EVERY_SECOND, { name: 'below' })
  async below(): Promise<void> {
    note('below');
  }
}

describe('a method with @Cron and @Exclusive', () => {
  it('is a job of the scheduler, with the decorators in either order', async () => {
    const { module, log } = await startJobs(BothOrders);
    const jobs = module.get(SchedulerRegistry).getCronJobs();
    expect([...jobs.keys()].toSorted()).toEqual(['above', 'below']);
    await eventually(() =>
      expect(runs.map(({ job }) => job)).toEqual(expect.arrayContaining(['above', 'below'])),
    );
    for (const { tick } of runs) expect(tick! % SECOND).toBe(0);
    expect(log.complaints).toEqual([]);
  });

  it('runs each tick once in two applications that share a store', async () => {
    const store = new MemoryLockStore();
    const apps = await Promise.all([startJobs(BothOrders, store), startJobs(BothOrders, store)]);
    const since = Date.now();
    const fired = firingsOf(apps);
    const ticks = (job: string): number[] => ticksOf(job).filter((tick) => tick! >= since) as number[];
    await eventually(() => ['above', 'below'].every((job) => ticks(job).length > 3));
    for (const job of ['above', 'below']) {
      const ran = ticks(job);
      // Each that cron has fired: on a busy machine it skips some seconds.
      const expected = fired
        .filter((run) => run.job === job && run.tick! >= since && run.tick! <= ran.at(-1)!)
        .map(({ tick }) => tick!);
      expect(ran).toEqual([...new Set(expected)].toSorted((a, b) => a - b));
    }
    for (const { log } of apps) expect(log.complaints).toEqual([]);
  });

  it('has no tick when it is called by hand, and runs at each such call', async () => {
    @Injectable()
    class Yearly {
      @Cron(NEVER)
      @Exclusive()
      async run(_why?: string): Promise<number | undefined> {
        return note('yearly');
      }
    }
    const { module } = await startJobs(Yearly);
    await expect(module.get(Yearly).run()).resolves.toBe(1);
    await expect(module.get(Yearly).run('a reason')).resolves.toBe(2);
    expect(ticksOf('yearly')).toEqual([undefined, undefined]);
  });

  it('still runs its tick when it is called by hand just before', async () => {
    const { module } = await startJobs(BothOrders);
    await module.get(BothOrders).above();
    await eventually(() => expect(ticksOf('above').filter((tick) => tick !== undefined)).not.toEqual([]));
  });
});

describe('the schedule of a @Cron method', () => {
  it('is the new one after job.setTime()', async () => {
    @Injectable()
    class Moved {
      @Cron(NEVER, { name: 'moved' })
      @Exclusive()
      async run(): Promise<void> {
        note('moved');
      }
    }
    const { module } = await startJobs(Moved);
    const job = module.get(SchedulerRegistry).getCronJob('moved');
    const CronTime = job.cronTime.constructor as new (source: string) => typeof job.cronTime;
    job.setTime(new CronTime(EVERY_SECOND));
    job.start();
    await eventually(() => expect(runs.length).toBeGreaterThanOrEqual(2));
    const [first, second] = ticksOf('moved');
    expect(second! - first!).toBeGreaterThanOrEqual(SECOND);
    // Of the new schedule: the old one has a tick a year.
    expect(Date.now() - first!).toBeLessThan(HANG);
  });

  it('is the new one after setTime() of a job without a name', async () => {
    @Injectable()
    class Unnamed {
      @Cron(NEVER)
      @Exclusive()
      async run(): Promise<void> {
        note('unnamed');
      }
    }
    const { module } = await startJobs(Unnamed);
    const [job] = [...module.get(SchedulerRegistry).getCronJobs().values()] as const;
    const CronTime = job.cronTime.constructor as new (source: string) => typeof job.cronTime;
    job.setTime(new CronTime(EVERY_SECOND));
    job.start();
    await eventually(() => expect(runs.length).toBeGreaterThanOrEqual(2));
    const [first, second] = ticksOf('unnamed');
    expect(second! - first!).toBeGreaterThanOrEqual(SECOND);
    expect(Date.now() - first!).toBeLessThan(HANG);
  });

  it('may be a single moment, as a Date', async () => {
    // Late enough for both to be up.
    const moment = new Date(Math.ceil(Date.now() / SECOND) * SECOND + 3 * SECOND);
    @Injectable()
    class Once {
      @Cron(moment)
      @Exclusive()
      async run(): Promise<void> {
        note('once');
      }
    }
    const store = new MemoryLockStore();
    const apps = await Promise.all([startJobs(Once, store), startJobs(Once, store)]);
    const fired = firingsOf(apps);
    await eventually(() => fired.length === apps.length && Date.now() > moment.getTime() + 300);
    expect(ticksOf('once')).toEqual([moment.getTime()]);
    for (const { log } of apps) expect(log.complaints).toEqual([]);
  });

  it.each([
    ['timeZone', { timeZone: 'Asia/Kolkata' }],
    ['utcOffset', { utcOffset: 330 }],
  ])('is read in the zone of %s', async (_option, zone) => {
    // The hour it is now at 5 h 30 min ahead of UTC, which is another one than in most other zones.
    const hour = new Date(Date.now() + 330 * 60 * SECOND).getUTCHours();
    @Injectable()
    class Zoned {
      @Cron(`* * ${hour},${(hour + 1) % 24} * * *`, zone)
      @Exclusive()
      async run(): Promise<void> {
        note('zoned');
      }
    }
    await startJobs(Zoned);
    await eventually(() => expect(runs.length).toBeGreaterThanOrEqual(2));
    // Of the last seconds: in another zone the last tick would be hours ago, and be run once only.
    for (const tick of ticksOf('zoned')) expect(Date.now() - tick!).toBeLessThan(HANG);
    expect(new Set(ticksOf('zoned')).size).toBe(runs.length);
  });
});
