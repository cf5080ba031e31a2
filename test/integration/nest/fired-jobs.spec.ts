import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { jest } from '@jest/globals';
import { CronJob } from 'cron';
import { Exclusive, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { fire, jobOf } from './support/fired-jobs.js';
import { Gate } from './support/gate.js';
import { closeApps, startApp, type NestApp } from './support/nest-apps.js';

/** Once a year: only the test fires it, and each time for the tick of the last New Year. */
const NEVER = '0 0 0 1 1 *';
const SECOND = 1000;

let runs: string[] = [];
let store: MemoryLockStore;

beforeEach(() => {
  runs = [];
  store = new MemoryLockStore();
});

afterEach(async () => {
  jest.restoreAllMocks();
  await closeApps();
});

/** Notes what runs, and for which tick. */
function note(what: string): void {
  const tick = ExclusiveLockService.current()?.tick;
  runs.push(tick ? `${what} for a tick` : what);
}

/** A decorator of somebody else's, which passes no arguments on. */
const withoutArguments: MethodDecorator = (_target, _key, descriptor) => {
  const original = descriptor.value as () => unknown;
  descriptor.value = function (this: unknown) {
    return original.call(this);
  } as never;
};

const start = (...providers: (new (...args: never[]) => object)[]) =>
  startApp({ locks: { store }, imports: [ScheduleModule.forRoot()], providers });

/** Fires the job in one application after the other, and waits until each has done with it. */
async function fireInTurn(apps: readonly NestApp[], name?: string): Promise<void> {
  for (const { module, log } of apps) {
    const before = runs.length + log.ours('debug').length;
    fire(jobOf(module, name));
    await eventually(() => runs.length + log.ours('debug').length > before);
  }
}

/** Lets what has been called without waiting come to its end: the memory store answers within a turn. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

describe('a call by hand', () => {
  @Injectable()
  class Nightly {
    @Cron(NEVER)
    @Exclusive('nightly')
    async run(_why?: string): Promise<string | undefined> {
      note('run');
      return 'ran';
    }
  }

  it('with undefined as its argument is not taken for the scheduler, and runs although the tick is done', async () => {
    const { module } = await start(Nightly);
    fire(jobOf(module));
    await eventually(() => expect(runs).toEqual(['run for a tick']));
    await expect(module.get(Nightly).run(undefined)).resolves.toBe('ran');
    await expect(module.get(Nightly).run(undefined)).resolves.toBe('ran');
    expect(runs).toEqual(['run for a tick', 'run', 'run']);
  });

  it('of job.fireOnTick() runs each time, and the next tick still runs', async () => {
    const { module } = await start(Nightly);
    const job = jobOf(module);
    for (let i = 1; i <= 2; i++) {
      void job.fireOnTick();
      await eventually(() => expect(runs).toHaveLength(i));
    }
    fire(job);
    await eventually(() => expect(runs).toEqual(['run', 'run', 'run for a tick']));
    void job.fireOnTick();
    await eventually(() => expect(runs.at(-1)).toBe('run'));
  });
});

describe('the tick of a job that fires', () => {
  it('belongs to all calls that the handler makes at the same time, in one replica', async () => {
    @Injectable()
    class Jobs {
      @Cron(NEVER)
      async nightly(): Promise<void> {
        await Promise.all(['a', 'b', 'c'].map((customer) => this.bill(customer)));
        runs.push('end');
      }

      @Exclusive('bill', { whenBusy: 'wait' })
      async bill(customer: string): Promise<void> {
        runs.push(customer);
      }
    }
    const apps = [await start(Jobs), await start(Jobs)];
    for (const [i, { module }] of apps.entries()) {
      fire(jobOf(module));
      await eventually(() => expect(runs.filter((run) => run === 'end')).toHaveLength(i + 1));
    }
    expect(runs).toEqual(['a', 'b', 'c', 'end', 'end']);
  });

  it('belongs to a method below a decorator that passes on no arguments', async () => {
    @Injectable()
    class Jobs {
      @Cron(NEVER)
      @withoutArguments
      @Exclusive()
      async run(): Promise<void> {
        note('run');
      }
    }
    await fireInTurn([await start(Jobs), await start(Jobs)]);
    expect(runs).toEqual(['run for a tick']);
  });

  it('belongs to a base method that an override calls', async () => {
    class Base {
      @Exclusive('base')
      async run(): Promise<void> {
        note('base');
      }
    }
    @Injectable()
    class Jobs extends Base {
      @Cron(NEVER)
      override async run(): Promise<void> {
        await super.run();
      }
    }
    await fireInTurn([await start(Jobs), await start(Jobs)]);
    expect(runs).toEqual(['base for a tick']);
  });

  it.each(['before', 'after'] as const)(
    'belongs to a plain method that is called by the callback of a job registered %s the locks are ready',
    async (when) => {
      @Injectable()
      class Jobs implements OnModuleInit {
        constructor(private readonly registry: SchedulerRegistry) {
          if (when === 'before') this.schedule();
        }

        onModuleInit(): void {
          if (when === 'after') this.schedule();
        }

        schedule(): void {
          const job = new CronJob(NEVER, () => this.work());
          this.registry.addCronJob('dynamic', job);
        }

        @Exclusive()
        async work(): Promise<void> {
          note('work');
        }
      }
      await fireInTurn([await start(Jobs), await start(Jobs)]);
      expect(runs).toEqual(['work for a tick']);
    },
  );

  it('belongs to a method that the handler calls later, when the job has fired again', async () => {
    @Injectable()
    class Jobs {
      readonly gates: Gate[] = [];

      @Cron(NEVER)
      async run(): Promise<void> {
        const gate = new Gate();
        this.gates.push(gate);
        await gate.pass();
        await this.work();
      }

      @Exclusive()
      async work(): Promise<void> {
        note('work');
      }
    }
    const later = performance.now() + 3600 * SECOND;
    const { module } = await start(Jobs);
    const { gates } = module.get(Jobs);
    fire(jobOf(module));
    fire(jobOf(module));
    jest.spyOn(performance, 'now').mockReturnValue(later);
    gates[0].open();
    await eventually(() => expect(runs).toEqual(['work for a tick']));
    gates[1].open();
    await settled();
    expect(runs).toEqual(['work for a tick']);
  });

  it('belongs to each of several methods that one handler calls', async () => {
    @Injectable()
    class Jobs {
      @Cron(NEVER)
      async run(): Promise<void> {
        await Promise.all([this.one(), this.two()]);
      }

      @Exclusive()
      async one(): Promise<void> {
        note('one');
      }

      @Exclusive()
      async two(): Promise<void> {
        note('two');
      }
    }
    await fireInTurn([await start(Jobs), await start(Jobs)]);
    await settled();
    expect(runs.toSorted()).toEqual(['one for a tick', 'two for a tick']);
  });

  it('lets only the replica that has it call the method again', async () => {
    @Injectable()
    class Jobs {
      @Cron(NEVER)
      async run(): Promise<void> {
        for (const part of ['a', 'b']) await this.work(part);
      }

      @Exclusive()
      async work(part: string): Promise<void> {
        note(part);
      }
    }
    const apps = [await start(Jobs), await start(Jobs)];
    for (const { module } of apps) {
      fire(jobOf(module));
      await settled();
    }
    expect(runs).toEqual(['a for a tick', 'b']);
  });

  it('is not claimed again by a decorated method that the work calls', async () => {
    @Injectable()
    class Jobs {
      @Cron(NEVER)
      @Exclusive('outer')
      async outer(): Promise<void> {
        note('outer');
        await this.inner();
      }

      @Exclusive('inner')
      async inner(): Promise<void> {
        note('inner');
      }
    }
    const { module } = await start(Jobs);
    fire(jobOf(module));
    await eventually(() => expect(runs).toEqual(['outer for a tick', 'inner']));
  });

  it('is its own when two jobs call one method at the same time', async () => {
    @Injectable()
    class Jobs {
      constructor(readonly registry: SchedulerRegistry) {
        for (const name of ['a', 'b']) registry.addCronJob(name, new CronJob(NEVER, () => this.work(name)));
      }

      @Exclusive('work', { whenBusy: 'wait' })
      async work(name: string): Promise<void> {
        note(name);
      }
    }
    const apps = [await start(Jobs), await start(Jobs)];
    for (const { module } of apps) {
      for (const name of ['a', 'b']) fire(jobOf(module, name));
      await settled();
    }
    expect(runs).toEqual(['a for a tick', 'b for a tick']);
  });

  it('follows the new schedule after setTime(), while another job without a name has the old one', async () => {
    @Injectable()
    class Jobs {
      @Cron(NEVER)
      @Exclusive('retimed')
      async retimed(): Promise<void> {
        runs.push(`retimed ${ExclusiveLockService.current()?.tick?.toISOString()}`);
      }

      @Cron(NEVER)
      @Exclusive('other')
      async other(): Promise<void> {
        note('other');
      }
    }
    const { module } = await start(Jobs);
    const [job] = module.get(SchedulerRegistry).getCronJobs().values();
    const CronTime = job.cronTime.constructor as new (source: string) => never;
    job.setTime(new CronTime('* * * * * *'));
    job.start();
    await eventually(() => expect(runs.length).toBeGreaterThanOrEqual(3));
    expect(new Set(runs).size).toBe(runs.length);
    expect(runs.join()).not.toContain('other');
  });
});

describe('a job that fires before it is registered', () => {
  @Injectable()
  class Jobs implements OnModuleInit {
    constructor(readonly registry: SchedulerRegistry) {}

    onModuleInit(): void {
      const runOnInit = true;
      const job = CronJob.from({ cronTime: NEVER, onTick: () => this.work(), runOnInit });
      this.registry.addCronJob('eager', job);
    }

    @Exclusive()
    async work(): Promise<void> {
      note('work');
    }
  }

  it('fires for its tick, even in its constructor', async () => {
    for (let i = 0; i < 2; i++) {
      await start(Jobs);
      await settled();
    }
    expect(runs).toEqual(['work for a tick']);
  });

  it('gives no tick to a call by hand afterwards', async () => {
    const { module } = await start(Jobs);
    await settled();
    await module.get(Jobs).work();
    expect(runs).toEqual(['work for a tick', 'work']);
  });
});

it('a job that fires late while it is armed for the next tick does not take the second call for a call by hand', async () => {
  @Injectable()
  class Jobs {
    @Cron(NEVER)
    async run(): Promise<void> {
      await this.work();
    }

    // A call by hand would wait, and run.
    @Exclusive('work', { whenBusy: 'wait' })
    async work(): Promise<void> {
      note('run');
    }
  }
  const { module, log } = await start(Jobs);
  const job = jobOf(module);
  // What cron 4.4 does in its timer, where the next tick is due before it is armed.
  const late = jest.spyOn(job.cronTime, 'getTimeout').mockReturnValueOnce(-1).mockReturnValue(60_000);
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
  void job.stop();
  Object.assign(job, { lastExecution: new Date() });
  job.start();
  void job.fireOnTick();
  await eventually(() => expect(log.ours('debug')).toHaveLength(1));
  expect(late).toHaveBeenCalled();
  expect(warn).toHaveBeenCalled();
  expect(runs).toEqual(['run for a tick']);
});

it('a connection that keeps the context of a firing no longer belongs to its tick a minute later', async () => {
  let callAgain!: () => Promise<void>;
  @Injectable()
  class Jobs {
    @Cron(NEVER)
    run(): void {
      const timer = setInterval(() => {});
      callAgain = () => new Promise((resolve) => setImmediate(() => resolve(this.work())));
      clearInterval(timer);
      stick = setInterval(() => again?.(), 1);
    }

    @Exclusive()
    async work(): Promise<void> {
      note('work');
    }
  }
  let again: (() => void) | undefined;
  let stick: NodeJS.Timeout | undefined;
  const { module } = await start(Jobs);
  try {
    fire(jobOf(module));
    await eventually(() => stick !== undefined);
    const inFiring = () =>
      new Promise<void>((resolve) => {
        again = () => {
          again = undefined;
          resolve(callAgain());
        };
      });
    await inFiring();
    expect(runs).toEqual(['work for a tick']);
    const now = performance.now();
    const clock = jest.spyOn(performance, 'now').mockReturnValue(now + 61 * SECOND);
    await inFiring();
    expect(clock).toHaveBeenCalled();
    expect(runs).toEqual(['work for a tick', 'work']);
  } finally {
    clearInterval(stick);
  }
});

it('a registry whose methods a test has replaced is not watched', async () => {
  const addCronJob = jest.fn();
  const registry = { addCronJob, getCronJobs: jest.fn(), deleteCronJob: jest.fn(), getIntervals: () => [] };
  @Module({ providers: [{ provide: SchedulerRegistry, useValue: registry }] })
  class MockedSchedule {}
  await startApp({ locks: { store }, imports: [MockedSchedule] });
  expect(registry.addCronJob).toBe(addCronJob);
});
