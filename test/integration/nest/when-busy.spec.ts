import { Inject, Injectable } from '@nestjs/common';
import { Cron, Interval, ScheduleModule, Timeout } from '@nestjs/schedule';
import {
  Exclusive,
  ExclusiveLockService,
  LockBusyError,
  LockConfigurationError,
  LockShuttingDownError,
  LockTimeoutError,
  type ExclusiveOptions,
} from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { testRedisUrl, uniquePrefix } from '../../support/redis/test-redis.js';
import { Gate } from './support/gate.js';
import { loadError } from './support/load-error.js';
import { closeApps, startApp, startFailure, type AppOptions } from './support/nest-apps.js';

afterEach(closeApps);

const NEVER = '0 0 0 1 1 *';

@Injectable()
class Orders {
  @Inject() locks!: ExclusiveLockService;
  gate = new Gate();
  readonly ran: string[] = [];

  @Exclusive('order', { whenBusy: 'skip', shared: true })
  async skips(): Promise<string | undefined> {
    return this.work('skips');
  }

  @Exclusive('order', { whenBusy: 'wait', shared: true })
  async waits(): Promise<string> {
    return this.work('waits');
  }

  @Exclusive('order', { whenBusy: 'wait', wait: 150, shared: true })
  async waitsAWhile(): Promise<string> {
    return this.work('waitsAWhile');
  }

  @Exclusive('order', { whenBusy: 'throw', shared: true })
  async throws(): Promise<string> {
    return this.work('throws');
  }

  @Exclusive('order', { contents: 'order 66', shared: true })
  async slow(): Promise<string | undefined> {
    await this.gate.pass();
    return this.work('slow');
  }

  @Exclusive('waits-inside')
  async waitsInside(): Promise<unknown> {
    this.ran.push('outer');
    return this.waitsAWhile();
  }

  @Exclusive('gap', { whenBusy: 'throw', minGap: 60_000 })
  async rarely(): Promise<string | undefined> {
    return this.work('rarely');
  }

  private work(name: string): string {
    this.ran.push(name);
    return name;
  }
}

/** Two applications on one store; the first one's `slow` runs. */
async function startBusy(locks: () => AppOptions['locks']) {
  const [holder, other] = await Promise.all(
    [1, 2].map(() => startApp({ locks: locks(), providers: [Orders] })),
  );
  const busy = holder.module.get(Orders);
  const running = busy.slow();
  await busy.gate.reached;
  return { busy, running, orders: other.module.get(Orders), other };
}

const sharedStore = () => {
  const store = new MemoryLockStore();
  return () => ({ store, replica: 'replica-7' });
};

describe('a call that finds its lock busy', () => {
  it("is skipped with whenBusy: 'skip' and by default", async () => {
    const { busy, running, orders } = await startBusy(sharedStore());
    await expect(orders.skips()).resolves.toBeUndefined();
    await expect(orders.slow()).resolves.toBeUndefined();
    busy.gate.open();
    await running;
    expect(orders.ran).toEqual([]);
  });

  it("rejects with whenBusy: 'throw', and names the holder", async () => {
    const { busy, running, orders, other } = await startBusy(sharedStore());
    const error: unknown = await orders.throws().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LockBusyError);
    expect(error).toMatchObject({
      name: 'LockBusyError',
      code: 'LOCK_BUSY',
      message: 'The lock "order" is busy: replica-7 holds it.',
      holder: { replica: 'replica-7', pid: process.pid, contents: 'order 66' },
    });
    expect(other.log.complaints).toEqual([]);
    busy.gate.open();
    await running;
    await expect(orders.throws()).resolves.toBe('throws');
    expect(orders.ran).toEqual(['throws']);
  });

  it.each<[string, () => () => AppOptions['locks']]>([
    ['in memory', sharedStore],
    [
      'on Redis',
      () => {
        const prefix = uniquePrefix();
        return () => ({ redis: testRedisUrl(), prefix });
      },
    ],
  ])("waits with whenBusy: 'wait', and runs when the lock is free, %s", async (_where, makeStore) => {
    const { busy, running, orders } = await startBusy(makeStore());
    const order: string[] = [];
    const waiting = orders.waits().then((value) => order.push(value));
    // Longer than it takes to ask a second time.
    await expect(orders.waitsAWhile()).rejects.toThrow(LockTimeoutError);
    expect(orders.ran).toEqual([]);
    busy.gate.open();
    order.push(String(await running));
    await waiting;
    expect(order).toEqual(['slow', 'waits']);
  });

  it('waits no longer than `wait`, and then rejects and names the holder', async () => {
    const { busy, running, orders } = await startBusy(sharedStore());
    const begun = performance.now();
    await expect(orders.waitsAWhile()).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
      message: expect.stringContaining('"order" could not be acquired within 150 ms: replica-7 holds it'),
      holder: { replica: 'replica-7' },
    });
    expect(performance.now() - begun).toBeGreaterThanOrEqual(149);
    expect(orders.ran).toEqual([]);
    busy.gate.open();
    await running;
    await expect(orders.waitsAWhile()).resolves.toBe('waitsAWhile');
  });

  it('rejects with the timeout that its own work got, after one run', async () => {
    const { busy, running, orders } = await startBusy(sharedStore());
    await expect(orders.waitsInside()).rejects.toThrow(LockTimeoutError);
    expect(orders.ran).toEqual(['outer']);
    busy.gate.open();
    await running;
  });

  it('is skipped within minGap, whatever whenBusy says', async () => {
    const { module } = await startApp({ providers: [Orders] });
    const orders = module.get(Orders);
    await expect(orders.rarely()).resolves.toBe('rarely');
    await expect(orders.rarely()).resolves.toBeUndefined();
  });
});

describe('a call during the shutdown', () => {
  it.each([
    ['skips', 'is skipped'],
    ['waits', 'rejects'],
    ['throws', 'rejects'],
  ] as const)('of %s %s', async (method, what) => {
    const { module } = await startApp({ providers: [Orders] });
    const orders = module.get(Orders);
    await module.close();
    if (what === 'is skipped') await expect(orders[method]()).resolves.toBeUndefined();
    else await expect(orders[method]()).rejects.toThrow(LockShuttingDownError);
    expect(orders.ran).toEqual([]);
  });

  it('ends the wait of a waiter', async () => {
    const { busy, running, orders, other } = await startBusy(sharedStore());
    const rejected = expect(orders.waits()).rejects.toMatchObject({ code: 'LOCK_SHUTTING_DOWN' });
    await other.module.close();
    await rejected;
    busy.gate.open();
    await running;
  });
});

describe('whenBusy is refused where it has no effect', () => {
  const policies: ExclusiveOptions[] = [{ whenBusy: 'throw' }, { whenBusy: 'wait' }, { wait: 5000 }];
  const kinds: [string, (options: ExclusiveOptions) => new () => object][] = [
    [
      'a @Cron method',
      (options) => {
        class Jobs {
          @Cron(NEVER)
          @Exclusive('a', options)
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'an @Interval method',
      (options) => {
        class Jobs {
          @Exclusive('a', options)
          @Interval(60_000)
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'a @Timeout method',
      (options) => {
        class Jobs {
          @Timeout(60_000)
          @Exclusive('a', options)
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'a start hook',
      (options) => {
        class Jobs {
          @Exclusive('a', options)
          async onApplicationBootstrap(): Promise<void> {}
        }
        return Jobs;
      },
    ],
  ];
  const cases = kinds.flatMap(([kind, make]) => policies.map((options) => ({ kind, options, make })));

  it.each(cases)('on $kind: $options', async ({ options, make }) => {
    const Jobs = make(options);
    const failure = await startFailure({ imports: [ScheduleModule.forRoot()], providers: [Jobs] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toMatch(
      /(whenBusy|wait) of @Exclusive on Jobs\.\w+ has no effect: it is for a method that no scheduler calls/,
    );
  });

  it('as is wait without whenBusy', async () => {
    @Injectable()
    class Jobs {
      @Exclusive('a', { wait: 5000 })
      async run(): Promise<void> {}
    }
    const failure = await startFailure({ providers: [Jobs] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain(
      "wait of @Exclusive on Jobs.run has no effect without whenBusy: 'wait'",
    );
    expect(failure.message).toContain('wait = 5000');
  });

  it('but not if the class sets it', async () => {
    @Injectable()
    @Exclusive.defaults({ whenBusy: 'wait' })
    class Jobs {
      @Exclusive('a', { wait: 50 })
      async run(): Promise<void> {}
    }
    const { module, locks } = await startApp({ providers: [Jobs] });
    await using lease = await locks.acquire('a');
    expect(lease?.held).toBe(true);
    await expect(module.get(Jobs).run()).rejects.toThrow(LockTimeoutError);
  });

  it.each<[object, string]>([
    [{ whenBusy: 'queue' }, "whenBusy must be 'skip', 'wait' or 'throw'"],
    [{ whenBusy: true }, 'got whenBusy = true'],
    [{ whenBusy: 'wait', wait: 0 }, 'wait must be a number of milliseconds from 1'],
    [{ whenBusy: 'wait', wait: true }, 'got wait = true'],
  ])('and invalid values are refused when the class is loaded: %j', (options, told) => {
    const error = loadError(() => Exclusive('a', options as ExclusiveOptions));
    expect(error).toBeInstanceOf(LockConfigurationError);
    expect(error.message).toContain(told);
  });
});
