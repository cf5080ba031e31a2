import { Inject, Injectable, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { Cron, Interval, ScheduleModule, Timeout } from '@nestjs/schedule';
import { setTimeout as sleep } from 'node:timers/promises';
import { Exclusive, ExclusiveLockService, LockConfigurationError } from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { loadError } from './support/load-error.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

afterEach(closeApps);

const NEVER = '0 0 0 1 1 *';
let runs: { at: number; occurrence: string | undefined }[] = [];

beforeEach(() => {
  runs = [];
});

/** When the lock was granted, by the store's clock: the fencing token is that time in microseconds. */
const grantedAt = (): number => ExclusiveLockService.current()!.fencingToken / 1000;

async function note(locks: ExclusiveLockService, name: string): Promise<void> {
  runs.push({ at: grantedAt(), occurrence: (await locks.inspect(name))?.holder.occurrence });
}

/** A provider whose interval has the decorators in either order. */
function jobs(above: boolean) {
  @Injectable()
  class Poll {
    @Inject() locks!: ExclusiveLockService;

    poll(): Promise<void> {
      return note(this.locks, 'poll');
    }
  }
  const decorators = [Interval('the poll', 200), Exclusive('poll')];
  const descriptor = Object.getOwnPropertyDescriptor(Poll.prototype, 'poll')!;
  for (const decorate of above ? decorators : decorators.toReversed())
    decorate(Poll.prototype, 'poll', descriptor);
  Object.defineProperty(Poll.prototype, 'poll', descriptor);
  return Poll;
}

describe('an @Interval method with @Exclusive', () => {
  it.each([
    ['above', true],
    ['below', false],
  ])('runs once a period in several applications, with the decorator %s', async (_, above) => {
    const store = new MemoryLockStore();
    for (const delay of [0, 50, 50]) {
      await sleep(delay);
      await startApp({ locks: { store }, imports: [ScheduleModule.forRoot()], providers: [jobs(above)] });
    }
    await eventually(() => runs.length >= 6);
    const gaps = runs.slice(1).map(({ at }, i) => at - runs[i].at);
    // A period less its tolerance of 5 %.
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(190);
    expect(new Set(runs.map(({ occurrence }) => occurrence))).toEqual(new Set(['gap 190 of the poll']));
  });
});

describe('a @Timeout method with @Exclusive', () => {
  it('runs once in several applications, and the others skip', async () => {
    @Injectable()
    class Warm {
      @Inject() locks!: ExclusiveLockService;

      @Timeout(20)
      @Exclusive('warm')
      warm(): Promise<void> {
        return note(this.locks, 'warm');
      }
    }
    const store = new MemoryLockStore();
    const start = () =>
      startApp({ locks: { store }, imports: [ScheduleModule.forRoot()], providers: [Warm] });
    const apps = await Promise.all([start(), start(), start()]);
    await eventually(() => apps.flatMap(({ log }) => log.ours('debug')).length === 2);
    expect(runs).toMatchObject([{ occurrence: 'key "" of warm' }]);
  });
});

describe('a method with two decorators of the scheduler', () => {
  it('follows the one that was applied last, as Nest does: @Timeout above @Cron', async () => {
    @Injectable()
    class Warm {
      @Inject() locks!: ExclusiveLockService;

      @Timeout(20)
      @Cron(NEVER)
      @Exclusive('warm')
      warm(): Promise<void> {
        return note(this.locks, 'warm');
      }
    }
    const store = new MemoryLockStore();
    const start = () =>
      startApp({ locks: { store }, imports: [ScheduleModule.forRoot()], providers: [Warm] });
    for (let skipped = 0; skipped < 3; skipped++) {
      const { log } = await start();
      await eventually(() => (skipped === 0 ? runs.length === 1 : log.ours('debug').length === 1));
    }
    expect(runs).toMatchObject([{ occurrence: 'key "" of warm' }]);
  });

  it('follows the one that was applied last, as Nest does: @Interval above @Cron', async () => {
    @Injectable()
    class Poll {
      @Inject() locks!: ExclusiveLockService;

      @Exclusive('poll')
      @Interval(200)
      @Cron(NEVER)
      poll(): Promise<void> {
        return note(this.locks, 'poll');
      }
    }
    const store = new MemoryLockStore();
    for (const delay of [0, 50, 50]) {
      await sleep(delay);
      await startApp({ locks: { store }, imports: [ScheduleModule.forRoot()], providers: [Poll] });
    }
    await eventually(() => runs.length >= 4);
    const gaps = runs.slice(1).map(({ at }, i) => at - runs[i].at);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(190);
  });
});

describe('a method with minGap', () => {
  @Injectable()
  class Refresh {
    @Exclusive('refresh', { minGap: 300 })
    async refresh(): Promise<number | undefined> {
      return grantedAt();
    }
  }

  it('is skipped within that time of its last start, also in another application', async () => {
    const store = new MemoryLockStore();
    const [one, two] = await Promise.all(
      [1, 2].map(() => startApp({ locks: { store }, providers: [Refresh] })),
    );
    const first = await one.module.get(Refresh).refresh();
    await expect(one.module.get(Refresh).refresh()).resolves.toBeUndefined();
    let second: number | undefined;
    await eventually(async () => (second = await two.module.get(Refresh).refresh()) !== undefined);
    expect(second! - first!).toBeGreaterThanOrEqual(300);
  });
});

describe('options that have no effect', () => {
  it.each<[string, () => new () => object]>([
    [
      'onHolderDeath of @Exclusive on Jobs.run has no effect: it is for a @Cron method',
      () => {
        class Jobs {
          @Exclusive('a', { onHolderDeath: 'rerun' })
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'minGap of @Exclusive on Jobs.run has no effect',
      () => {
        class Jobs {
          @Cron(NEVER)
          @Exclusive('a', { minGap: 100 })
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'version of @Exclusive on Jobs.run has no effect',
      () => {
        class Jobs {
          @Exclusive('a', { version: 'v1' })
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'standbyTimeout of @Exclusive on Jobs.run has no effect',
      () => {
        class Jobs {
          @Exclusive('a', { standbyTimeout: 100 })
          @Timeout(60_000)
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
  ])('are refused at start: %s', async (message, load) => {
    const failure = await startFailure({ imports: [ScheduleModule.forRoot()], providers: [load()] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain(message);
  });

  it('are not checked on a method that a subclass has replaced', async () => {
    class Parent {
      @Exclusive('a', { minGap: 100 })
      async run(): Promise<void> {}
    }
    @Injectable()
    class Child extends Parent {
      @Cron(NEVER)
      override async run(): Promise<void> {}
    }
    await startApp({ imports: [ScheduleModule.forRoot()], providers: [Child] });
  });

  it.each<[object, string]>([
    [{ onHolderDeath: 'wait' }, "onHolderDeath must be 'skip' or 'rerun'"],
    [{ minGap: 0 }, 'minGap must be a number of milliseconds from 1'],
    [{ version: '' }, 'version must be a string that is not empty'],
    [{ version: 5 }, 'version must be a string that is not empty'],
    [{ remember: '5' }, 'remember must be a number of milliseconds'],
    [{ standbyTimeout: 0 }, 'standbyTimeout must be a number of milliseconds from 1'],
    [{ whenTimedOut: 'skip' }, "whenTimedOut must be 'throw' or 'continue'"],
  ])('that are invalid, such as %j, are refused when the class is loaded', (options, message) => {
    const error = loadError(() => Exclusive('a', options));
    expect(error).toBeInstanceOf(LockConfigurationError);
    expect(error.message).toContain(message);
  });
});

describe('a provider that is not a singleton', () => {
  it('is refused if it has a decorated start hook', async () => {
    @Injectable({ scope: Scope.TRANSIENT })
    class Seeds {
      @Exclusive()
      async onModuleInit(): Promise<void> {}
    }
    const failure = await startFailure({ providers: [Seeds] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain('Seeds.onModuleInit has @Exclusive and is a start hook');
    expect(failure.message).toContain('its provider is transient');
  });

  it('is refused if it has a decorated job and a request-scoped dependency', async () => {
    @Injectable()
    class Jobs {
      @Inject(REQUEST) request: unknown;

      @Cron(NEVER)
      @Exclusive()
      async run(): Promise<void> {}
    }
    const failure = await startFailure({ imports: [ScheduleModule.forRoot()], providers: [Jobs] });
    expect(failure.message).toContain('Jobs.run has @Exclusive and is a @Cron method');
    expect(failure.message).toContain('its provider is request-scoped');
  });

  it('may have decorated methods that no scheduler calls', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Orders {
      @Exclusive('order')
      async place(): Promise<string | undefined> {
        return 'placed';
      }
    }
    const { module } = await startApp({ providers: [Orders] });
    await expect((await module.resolve(Orders)).place()).resolves.toBe('placed');
  });
});
