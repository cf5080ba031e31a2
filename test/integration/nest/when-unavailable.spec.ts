import { Injectable } from '@nestjs/common';
import { Cron, Interval, ScheduleModule, Timeout } from '@nestjs/schedule';
import {
  Exclusive,
  ExclusiveLockService,
  LockConfigurationError,
  LockStoreError,
  LockTimeoutError,
  type ExclusiveOptions,
} from 'nestjs-exclusive-lock';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { Gate } from './support/gate.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

afterEach(async () => {
  await closeApps();
  await RedisServer.closeAll();
});

const NEVER = '0 0 0 1 1 *';

@Injectable()
class Cache {
  readonly ran: string[] = [];
  readonly leases: unknown[] = [];
  readonly gate = new Gate();

  @Exclusive('default')
  async byDefault(): Promise<string | undefined> {
    return this.work('byDefault');
  }

  @Exclusive('skips', { whenUnavailable: 'skip' })
  async skips(): Promise<string | undefined> {
    return this.work('skips');
  }

  @Exclusive('throws', { whenUnavailable: 'throw' })
  async throws(): Promise<string | undefined> {
    return this.work('throws');
  }

  @Exclusive('runs', { whenUnavailable: 'run' })
  async runs(fail = false): Promise<string | undefined> {
    if (fail) throw new RangeError('the work failed');
    return this.work('runs');
  }

  @Exclusive('runs-too', { whenUnavailable: 'run' })
  async runsToo(): Promise<string | undefined> {
    return this.work('runsToo');
  }

  @Exclusive('holds', { whenUnavailable: 'run' })
  async holds(): Promise<string | undefined> {
    await this.gate.pass();
    return this.work('holds');
  }

  @Exclusive('waits', { whenBusy: 'wait', wait: 400 })
  async waits(): Promise<string> {
    return this.work('waits');
  }

  @Exclusive('waits-then-skips', { whenBusy: 'wait', wait: 400, whenUnavailable: 'skip' })
  async waitsThenSkips(): Promise<string | undefined> {
    return this.work('waitsThenSkips');
  }

  @Exclusive('waits-then-runs', { whenBusy: 'wait', wait: 400, whenUnavailable: 'run' })
  async waitsThenRuns(): Promise<string> {
    return this.work('waitsThenRuns');
  }

  @Exclusive('works', { whenUnavailable: 'run' })
  async waitsInside(): Promise<string | undefined> {
    this.ran.push('waitsInside');
    await this.gate.pass();
    return this.waits();
  }

  @Cron(NEVER)
  @Exclusive('warm', { whenUnavailable: 'run' })
  async warm(): Promise<string | undefined> {
    return this.work('warm');
  }

  private work(name: string): string {
    this.ran.push(name);
    this.leases.push(ExclusiveLockService.current()?.name);
    return name;
  }
}

async function start() {
  const server = await RedisServer.start();
  const { module, locks, log } = await startApp({
    locks: { redis: `redis://127.0.0.1:${server.port}`, commandTimeout: 300, ttl: 3000 },
    imports: [ScheduleModule.forRoot()],
    providers: [Cache],
  });
  return { cache: module.get(Cache), module, server, locks, log };
}

describe('a call whose store cannot be reached', () => {
  it.each(['byDefault', 'skips'] as const)('is skipped: %s', async (method) => {
    const { cache, server, log } = await start();
    await expect(cache[method]()).resolves.toBe(method);
    await server.kill();
    await expect(cache[method]()).resolves.toBeUndefined();
    expect(cache.ran).toEqual([method]);
    expect(log.ours('warn')).toEqual([]);
  });

  it("rejects with the error of the store with whenUnavailable: 'throw'", async () => {
    const { cache, server } = await start();
    await expect(cache.throws()).resolves.toBe('throws');
    await server.kill();
    await expect(cache.throws()).rejects.toThrow(LockStoreError);
    await expect(cache.throws()).rejects.toMatchObject({ code: 'LOCK_STORE' });
    expect(cache.ran).toEqual(['throws']);
  });

  it("runs without a lease with whenUnavailable: 'run', even on a @Cron method", async () => {
    const { cache, server } = await start();
    await server.kill();
    await expect(cache.runs()).resolves.toBe('runs');
    await expect(cache.warm()).resolves.toBe('warm');
    expect(cache.leases).toEqual([undefined, undefined]);
    await expect(cache.runs(true)).rejects.toThrow(RangeError);
  });

  it('is skipped on a @Cron method even if the class sets throw', async () => {
    @Injectable()
    @Exclusive.defaults({ whenUnavailable: 'throw' })
    class Jobs {
      @Cron(NEVER)
      @Exclusive('tick')
      async tick(): Promise<string | undefined> {
        return 'ran';
      }

      @Exclusive('call')
      async call(): Promise<string | undefined> {
        return 'ran';
      }
    }
    const locks = { redis: `redis://127.0.0.1:${await freePort()}`, commandTimeout: 300 };
    const { module } = await startApp({ locks, imports: [ScheduleModule.forRoot()], providers: [Jobs] });
    await expect(module.get(Jobs).tick()).resolves.toBeUndefined();
    await expect(module.get(Jobs).call()).rejects.toThrow(LockStoreError);
  });

  it('runs under its lock as soon as the store is back', async () => {
    const { cache, server } = await start();
    await server.kill();
    await cache.runs();
    await server.restart();
    await eventually(async () => {
      await cache.runs();
      expect(cache.leases.at(-1)).toBe('runs');
    });
  });

  it('warns once an outage that work runs without its lock, however many calls and methods there are', async () => {
    const { cache, server, log, locks } = await start();
    for (const outage of [1, 2]) {
      await server.kill();
      await Promise.all([cache.runs(), cache.runs(), cache.runsToo()]);
      await cache.runs();
      expect(log.ours('warn')).toHaveLength(outage);
      await server.restart();
      await eventually(async () => expect(await locks.run('probe', () => 1)).toMatchObject({ value: 1 }));
    }
    expect(log.ours('warn')[0]).toMatch(
      /^Cache\.runs(Too)? runs without its lock "runs(-too)?" in every replica.*whenUnavailable is 'run'/,
    );
    expect(log.ours('error')).toHaveLength(2);
  });

  it('warns once even if a call that began before the outage succeeds during it', async () => {
    const { cache, server, log } = await start();
    const running = cache.holds();
    await cache.gate.reached;
    await server.kill();
    await cache.runs();
    cache.gate.open();
    await running;
    await cache.runs();
    expect(log.ours('warn').filter((line) => line.includes('runs without its lock'))).toHaveLength(1);
  });

  it('does not run if the lock is busy', async () => {
    const { cache, locks } = await start();
    await using lease = await locks.acquire('runs');
    expect(lease?.held).toBe(true);
    await expect(cache.runs()).resolves.toBeUndefined();
    expect(cache.ran).toEqual([]);
  });
});

describe("a call with whenBusy: 'wait' whose store is away", () => {
  it('waits for the store', async () => {
    const { cache, server } = await start();
    await server.kill();
    const waiting = cache.waits();
    await server.restart();
    await expect(waiting).resolves.toBe('waits');
    expect(cache.leases).toEqual(['waits']);
  });

  it.each([
    ['rejects', 'waits', LockTimeoutError],
    ['is skipped', 'waitsThenSkips', undefined],
    ['runs without its lock', 'waitsThenRuns', 'waitsThenRuns'],
  ] as const)('%s when `wait` is over: %s', async (_what, method, expected) => {
    const { cache, server } = await start();
    await server.kill();
    const begun = performance.now();
    const call = cache[method]();
    if (typeof expected === 'function') {
      await expect(call).rejects.toThrow(expected);
      await expect(call).rejects.toMatchObject({ cause: { code: 'LOCK_STORE' }, holder: undefined });
    } else await expect(call).resolves.toBe(expected);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(399);
    expect(cache.leases).toEqual(expected === 'waitsThenRuns' ? [undefined] : []);
  });

  it('rejects after `wait` if another holds the lock', async () => {
    const { cache, locks } = await start();
    await using lease = await locks.acquire('waits-then-runs');
    expect(lease?.held).toBe(true);
    await expect(cache.waitsThenRuns()).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
      holder: { pid: process.pid },
    });
    expect(cache.ran).toEqual([]);
  });

  it('rejects together with all other waiting calls of this process', async () => {
    const { cache, locks } = await start();
    await using lease = await locks.acquire('waits-then-runs');
    expect(lease?.held).toBe(true);

    const first = cache.waitsThenRuns();
    // The others come while it asks, and their time is over just after its own.
    for (const asked = performance.now(); performance.now() < asked + 1.5;);
    const others = [1, 2, 3, 4].map(() => cache.waitsThenRuns());

    for (const { reason } of (await Promise.allSettled([first, ...others])) as PromiseRejectedResult[])
      expect(reason).toMatchObject({ code: 'LOCK_TIMEOUT', holder: { pid: process.pid }, cause: undefined });
    expect(cache.ran).toEqual([]);
  });

  it('does not run its work a second time if the work itself timed out on the store', async () => {
    const { cache, server } = await start();
    const call = cache.waitsInside();
    await cache.gate.reached;
    await server.kill();
    cache.gate.open();
    await expect(call).rejects.toThrow(LockTimeoutError);
    expect(cache.ran).toEqual(['waitsInside']);
  });
});

describe('whenUnavailable is refused where it has no effect', () => {
  it.each<[what: string, told: string, load: () => new () => object]>([
    [
      'throw on a @Cron method, where nobody could catch it',
      "whenUnavailable: 'throw' of @Exclusive on Jobs.run has no caller to throw to: this is a @Cron method",
      () => {
        class Jobs {
          @Cron(NEVER)
          @Exclusive('a', { whenUnavailable: 'throw' })
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'throw on an @Interval method',
      'this is an @Interval method',
      () => {
        class Jobs {
          @Exclusive('a', { whenUnavailable: 'throw' })
          @Interval(60_000)
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'throw on a @Timeout method',
      'this is a @Timeout method',
      () => {
        class Jobs {
          @Exclusive('a', { whenUnavailable: 'throw' })
          @Timeout(60_000)
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'on a start hook, which has its own options',
      'whenUnavailable of @Exclusive on Jobs.onModuleInit has no effect',
      () => {
        class Jobs {
          @Exclusive('a', { whenUnavailable: 'run' })
          async onModuleInit(): Promise<void> {}
        }
        return Jobs;
      },
    ],
    [
      'with a wait without limit',
      "whenUnavailable: 'run' of @Exclusive on Jobs.run has no effect: with whenBusy: 'wait'",
      () => {
        class Jobs {
          @Exclusive('a', { whenBusy: 'wait', whenUnavailable: 'run' })
          async run(): Promise<void> {}
        }
        return Jobs;
      },
    ],
  ])('%s', async (_what, told, load) => {
    const failure = await startFailure({ imports: [ScheduleModule.forRoot()], providers: [load()] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain(told);
  });

  it('and must be one of three values', () => {
    expect(() => Exclusive('a', { whenUnavailable: 'wait' } as unknown as ExclusiveOptions)).toThrow(
      "whenUnavailable must be 'skip', 'throw' or 'run'",
    );
  });
});
