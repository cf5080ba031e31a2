import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Cron, Interval, ScheduleModule, Timeout } from '@nestjs/schedule';
import {
  Exclusive,
  ExclusiveLockService,
  openLocks,
  type ExclusiveLockModuleOptions,
  type LockEvent,
  type Outcome,
} from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { fire, jobOf } from './support/fired-jobs.js';
import { Gate } from './support/gate.js';
import { closeApps, startApp, startFailure, type NestApp } from './support/nest-apps.js';

const HOUR = 3_600_000;
/** Once a year: only the test fires it, and each time for the tick of the last New Year. */
const NEVER = '0 0 0 1 1 *';

let store: MemoryLockStore;
let ran: (string | undefined)[];
/** Stops the nightly job, if there is one. */
let gate: Gate | undefined;

beforeEach(() => {
  store = new MemoryLockStore();
  ran = [];
  gate = undefined;
});
afterEach(closeApps);

/** Passes the result on, as a decorator of somebody else's. */
const passedOn: MethodDecorator = (_target, _key, descriptor) => {
  const original = descriptor.value as () => unknown;
  descriptor.value = async function (this: unknown) {
    return original.call(this);
  } as never;
};

@Injectable()
class Reports implements OnModuleInit {
  @Cron(NEVER, { timeZone: 'Europe/Berlin' })
  @Exclusive('nightly')
  async nightly(): Promise<string | undefined> {
    const lease = ExclusiveLockService.current();
    ran.push(lease?.tick?.toISOString() ?? 'by hand');
    await gate?.pass();
    return 'report';
  }

  @Interval('sync', HOUR)
  @Exclusive('sync')
  async sync(): Promise<void> {
    ran.push('sync');
  }

  @Timeout('warm-up', HOUR)
  @passedOn
  @Exclusive('warm-up', { version: '1' })
  async warmUp(): Promise<void> {
    throw new Error('cold');
  }

  @Exclusive('migrate', { version: '1' })
  async onModuleInit(): Promise<void> {}

  @Exclusive('send', { minGap: '1h' })
  async send(): Promise<void> {}

  @Exclusive('plain')
  async plain(): Promise<void> {}

  @Exclusive((id: string) => `of:${id}`)
  async named(_id: string): Promise<void> {}
}

const start = (locks: Partial<ExclusiveLockModuleOptions> = {}): Promise<NestApp> =>
  startApp({
    locks: { store, replica: 'one', ...locks } as ExclusiveLockModuleOptions,
    imports: [ScheduleModule.forRoot()],
    providers: [Reports],
  });

/** Fires the nightly job, and waits until it runs or was skipped. */
async function fireNightly({ module, log }: NestApp): Promise<void> {
  const before = ran.length + log.ours('debug').length;
  fire(jobOf(module));
  await eventually(() => ran.length + log.ours('debug').length > before);
}

describe('locks.jobs', () => {
  it('lists the decorated methods that have runs, with what is known of each', async () => {
    const { locks } = await start();

    const jobs = await locks.jobs.list();

    expect(jobs.map(({ job, role, method }) => [job, role, method])).toEqual([
      ['nightly', 'cron', 'Reports.nightly'],
      ['sync', 'interval', 'Reports.sync'],
      ['warm-up', 'timeout', 'Reports.warmUp'],
      ['migrate', 'start hook', 'Reports.onModuleInit'],
      ['send', 'method', 'Reports.send'],
    ]);
    const nextYear = new Date().getFullYear() + 1;
    expect(jobs[0]).toEqual({
      name: 'nightly',
      job: 'nightly',
      method: 'Reports.nightly',
      role: 'cron',
      expression: NEVER,
      timeZone: 'Europe/Berlin',
      nextTick: new Date(`${nextYear - 1}-12-31T23:00:00Z`),
      lastTick: undefined,
      paused: undefined,
      lastRun: undefined,
      replicas: ['one'],
    });
    expect(jobs[1]).toMatchObject({ expression: '3600000 ms', nextTick: undefined });
    expect(jobs[3].lastRun).toMatchObject({ outcome: 'succeeded', replica: 'one', tick: undefined });
  });

  it('also lists those of other replicas, and who has them', async () => {
    @Injectable()
    class Billing {
      @Cron(NEVER)
      @Exclusive('bill')
      async bill(): Promise<void> {}
    }
    await startApp({
      locks: { store, replica: 'two', version: '2' },
      imports: [ScheduleModule.forRoot()],
      providers: [Billing, Reports],
    });
    const { locks } = await start();
    await eventually(async () => expect(await locks.jobs.replicas()).toHaveLength(2));

    expect((await locks.jobs.get('bill'))!.replicas).toEqual(['two']);
    expect((await locks.jobs.get('nightly'))!.replicas).toEqual(['one', 'two']);
    expect(await locks.jobs.get('nobody')).toBeNull();
    const replicas = await locks.jobs.replicas();
    expect(replicas.find(({ replica }) => replica === 'two')).toEqual({
      replica: 'two',
      application: expect.any(String),
      version: '2',
      started: expect.any(Date),
      lastSeen: expect.any(Date),
      ahead: undefined,
      jobs: ['bill', 'nightly', 'sync', 'warm-up', 'migrate', 'send'],
    });
  });

  it('tells all of it together: jobs with their runs, and replicas', async () => {
    const app = await start();
    await app.locks.jobs.run('nightly');
    await eventually(async () => expect(await app.locks.jobs.replicas()).toHaveLength(1));

    const { now, replica, jobs, replicas } = await app.locks.jobs.overview();

    expect(Math.abs(now.getTime() - Date.now())).toBeLessThan(HOUR);
    expect(replica).toBe('one');
    expect(jobs[0]).toEqual({
      ...(await app.locks.jobs.get('nightly')),
      runs: await app.locks.jobs.runs('nightly'),
    });
    expect(jobs).toMatchObject(await app.locks.jobs.list());
    expect(replicas).toEqual(await app.locks.jobs.replicas());
  });

  it('does not tell a next tick of another replica once it is past', async () => {
    const job = { name: 'bill', kind: 'tick', job: 'bill', method: 'Billing.bill', role: 'cron' };
    const publish = (nextTick: number): Promise<void> =>
      store.runs.publish(
        'two',
        JSON.stringify({ replica: 'two', started: 0, jobs: [{ ...job, nextTick }] }),
        HOUR,
        5000,
      );
    const { locks } = await start();
    const nextTick = new Date(Date.now() + HOUR);

    await publish(nextTick.getTime());
    await expect(locks.jobs.get('bill')).resolves.toMatchObject({ nextTick });
    await publish(Date.now() - 1);
    await expect(locks.jobs.get('bill')).resolves.toMatchObject({ nextTick: undefined });
  });

  it('tells an operator without Nest of them, who can pause them', async () => {
    const { locks } = await start();
    await using operator = await openLocks({
      store: Object.assign(Object.create(store), { close: async () => {} }),
    });
    await eventually(async () => expect(await operator.jobs.replicas()).toHaveLength(1));

    await operator.jobs.pause('nightly', { reason: 'migration', by: 'anna' });

    await expect(locks.jobs.get('nightly')).resolves.toMatchObject({ paused: { by: 'anna' } });
    await expect(operator.jobs.run('nightly')).rejects.toThrow('Run it on one that has it: one.');
  });

  it('does not know a replica any more that has ended', async () => {
    const { module } = await start({ replica: 'two' });
    const { locks } = await start();
    await eventually(async () => expect(await locks.jobs.replicas()).toHaveLength(2));
    Object.assign(store, { close: async () => {} });
    await module.close();

    expect((await locks.jobs.replicas()).map(({ replica }) => replica)).toEqual(['one']);
  });

  it('tells the runs of a job, the newest first', async () => {
    const app = await start();
    await fireNightly(app);
    await app.locks.jobs.run('nightly');

    const runs = await app.locks.jobs.runs('nightly');
    expect(runs).toMatchObject([
      { tick: undefined, byHand: true, outcome: 'succeeded', replica: 'one', missed: false },
      { tick: new Date(ran[0]!), byHand: false, outcome: 'succeeded', error: undefined },
    ]);
    expect(runs[0].fencingToken).toBeGreaterThan(runs[1].fencingToken);
    expect(runs[0].started).toBeInstanceOf(Date);
    expect(runs[0].duration).toBeGreaterThanOrEqual(0);
  });
});

describe('a pause', () => {
  it('has all replicas skip the job until it is resumed, and keeps no run by hand', async () => {
    const app = await start();
    const events: LockEvent[] = [];
    app.locks.onEvent((event) => events.push(event));
    const until = new Date(Date.now() + HOUR);
    await app.locks.jobs.pause('nightly', { reason: 'migration', by: 'anna', until });
    await fireNightly(app);

    expect(ran).toEqual([]);
    const pause = { reason: 'migration', by: 'anna', since: expect.any(Date), until };
    expect(events.at(-1)).toMatchObject({ type: 'skipped', reason: 'paused', pause });
    await expect(app.locks.jobs.get('nightly')).resolves.toMatchObject({ paused: pause });
    await expect(app.locks.jobs.run('nightly')).resolves.toMatchObject({ status: 'ran' });

    await app.locks.jobs.resume('nightly');
    await expect(app.locks.jobs.get('nightly')).resolves.toMatchObject({ paused: undefined });
  });

  it.each<[what: string, job: string, options: object, told: string]>([
    ['without a reason', 'nightly', { by: 'anna' }, 'reason must be a string that is not empty'],
    ['without a name', 'nightly', { reason: 'x', by: ' ' }, 'by must be a string that is not empty'],
    [
      'until a moment ago',
      'nightly',
      { reason: 'x', by: 'y', until: new Date() },
      'until must be a Date in the future',
    ],
    ['for a time', 'nightly', { reason: 'x', by: 'y', for: '1h' }, 'for is not an option of pause'],
    ['of a start hook', 'migrate', { reason: 'x', by: 'y' }, 'Reports.onModuleInit cannot be paused'],
    ['of no job', 'daily', { reason: 'x', by: 'y' }, 'There is no job "daily". Known jobs: nightly, sync, '],
  ])('is refused: %s', async (_, job, options, told) => {
    const { locks } = await start();
    await expect(locks.jobs.pause(job, options as never)).rejects.toThrow(told);
  });
});

describe('a run by hand', () => {
  it('claims no tick, and resolves to its outcome', async () => {
    const app = await start();

    await expect(app.locks.jobs.run('nightly')).resolves.toEqual({ status: 'ran', value: 'report' });
    await fireNightly(app);
    await expect(app.locks.jobs.run('nightly')).resolves.toEqual({ status: 'ran', value: 'report' });

    expect(ran).toEqual(['by hand', expect.stringMatching(/T23:00:00/), 'by hand']);
  });

  it('never runs beside the scheduled run, nor the other way round', async () => {
    const app = await start();
    gate = new Gate();
    await fireNightly(app);
    await expect(app.locks.jobs.run('nightly')).resolves.toMatchObject({ status: 'skipped', reason: 'busy' });
    gate.open();
    await eventually(async () => (await app.locks.inspect('nightly')) === null);
    gate = new Gate();
    const running = app.locks.jobs.run('nightly');
    await gate.reached;

    await expect(app.locks.jobs.run('nightly')).resolves.toMatchObject({ reason: 'busy' });
    gate.open();
    await running;
  });

  it('is told as such', async () => {
    const { locks } = await start();
    const events: LockEvent[] = [];
    locks.onEvent((event) => events.push(event));
    await locks.jobs.run('sync');

    const run = { byHand: true, job: 'sync', tick: undefined, occurrence: 'run by hand of sync' };
    expect(events.filter(({ type }) => type === 'started' || type === 'finished')).toEqual([
      expect.objectContaining(run),
      expect.objectContaining({ ...run, outcome: 'succeeded' }),
    ]);
  });

  it('rejects with the error of the work, whatever decorators stand above', async () => {
    const { locks } = await start();

    await expect(locks.jobs.run('warm-up')).rejects.toThrow('cold');
    await expect(locks.jobs.runs('warm-up')).resolves.toMatchObject([{ outcome: 'failed', byHand: true }]);
  });

  it('runs in a process that takes no ticks too', async () => {
    const { locks } = await start({ ticks: false });

    await expect(locks.jobs.run('nightly')).resolves.toMatchObject({ status: 'ran' });
  });

  it('is refused of a start hook, and from inside of the job itself', async () => {
    let inside: Promise<Outcome<unknown>> | undefined;
    @Injectable()
    class Job {
      constructor(readonly locks: ExclusiveLockService) {}

      @Cron(NEVER)
      @Exclusive('job')
      async run(): Promise<void> {
        inside ??= this.locks.jobs.run('job');
        await inside.catch(() => undefined);
      }
    }
    const { locks } = await startApp({
      locks: { store },
      imports: [ScheduleModule.forRoot()],
      providers: [Reports, Job],
    });
    await expect(locks.jobs.run('migrate')).rejects.toThrow('Reports.onModuleInit is a start hook');
    await locks.jobs.run('job');
    await expect(inside).rejects.toThrow('Job.run cannot be run by hand inside');
  });

  it('needs the name of the lock where two have a job of that name', async () => {
    @Injectable()
    class Job {
      @Cron(NEVER)
      @Exclusive('a', { job: 'import' })
      async a(): Promise<string | undefined> {
        return 'a';
      }

      @Cron(NEVER)
      @Exclusive('b', { job: 'import' })
      async b(): Promise<string | undefined> {
        return 'b';
      }
    }
    const { locks } = await startApp({
      locks: { store },
      imports: [ScheduleModule.forRoot()],
      providers: [Job],
    });

    await expect(locks.jobs.run('import')).rejects.toThrow('{ name: "a", job: "import" }');
    await expect(locks.jobs.run({ name: 'b', job: 'import' })).resolves.toEqual({
      status: 'ran',
      value: 'b',
    });
  });
});

const without = (): MemoryLockStore => Object.assign(new MemoryLockStore(), { runs: undefined });

describe('a store that keeps no record of runs', () => {
  it('works, and refuses what needs the record', async () => {
    const { locks } = await start({ store: without() });
    await locks.run('a', () => 1, { occurrence: { tick: new Date() } });

    await expect(locks.jobs.list()).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringMatching(/^locks\.jobs needs a store that records runs, but the/),
    });
  });

  it.each<[option: string, options: object]>([
    ['history', { history: 5 }],
    ['catalogue', { catalogue: true }],
  ])('refuses the option %s', async (option, options) => {
    const failure = await startFailure({ locks: { store: without(), ...options } });
    expect(failure.message).toMatch(new RegExp(`^${option} needs a store`));
  });

  it('refuses missed of a job', async () => {
    class Job {
      @Cron(NEVER)
      @Exclusive('job', { missed: { within: '1h' } })
      async run(): Promise<void> {}
    }
    const failure = await startFailure({
      locks: { store: without() },
      imports: [ScheduleModule.forRoot()],
      providers: [Job],
    });
    expect(failure.message).toMatch(/^missed of @Exclusive on Job\.run needs a store/);
  });
});

describe('the option history', () => {
  it.each([-1, 101, 1.5, '20', Number.NaN])('is refused as %s', async (history) => {
    const failure = await startFailure({ locks: { store, history } as never });
    expect(failure.message).toMatch(/^history must be a whole number from 0 to 100; got history = /);
  });

  it('of 0 keeps no record', async () => {
    const { locks } = await start({ history: 0 });
    await locks.jobs.run('nightly');
    await expect(locks.jobs.runs('nightly')).resolves.toEqual([]);
  });
});

describe('the option catalogue', () => {
  it('of false makes nothing known', async () => {
    const { locks } = await start({ catalogue: false });
    await expect(locks.jobs.list()).resolves.toHaveLength(5);
    await expect(locks.jobs.replicas()).resolves.toEqual([]);
  });

  it('is refused as a text, and without Nest', async () => {
    const failure = await startFailure({ locks: { store, catalogue: 'off' } as never });
    expect(failure.message).toMatch(/^catalogue must be true or false/);
    await expect(openLocks({ store, catalogue: false } as never)).rejects.toThrow(
      'catalogue has no effect in openLocks()',
    );
  });
});
