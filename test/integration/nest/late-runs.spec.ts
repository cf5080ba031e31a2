import { Injectable } from '@nestjs/common';
import { Cron, Interval, ScheduleModule, Timeout } from '@nestjs/schedule';
import {
  Exclusive,
  ExclusiveLockService,
  LockConfigurationError,
  type LockEvent,
} from 'nestjs-exclusive-lock';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

afterEach(async () => {
  await closeApps();
  await RedisServer.closeAll();
});

const SECOND = 1000;
const COMMAND_TIMEOUT = 300;

/** An application whose Redis goes away as soon as it is up. */
async function startAndLoseRedis(provider: new () => object) {
  const server = await RedisServer.start();
  const { module, locks, log } = await startApp({
    locks: { redis: server.url, commandTimeout: COMMAND_TIMEOUT },
    imports: [ScheduleModule.forRoot()],
    providers: [provider],
  });
  await server.kill();
  const events: LockEvent[] = [];
  locks.events$.subscribe((event) => events.push(event));
  return { server, module, log, events };
}

/** An expression with a tick in some seconds and every half minute, and the tick of it that comes next. */
function ticksSoon(): { cron: string; next: () => number } {
  const period = 30 * SECOND;
  const first = Math.ceil(Date.now() / SECOND) * SECOND + 3 * SECOND;
  return {
    cron: `${new Date(first).getSeconds() % 30}-59/30 * * * * *`,
    // On a busy machine the application may be up only when the first is over.
    next: () => first + Math.max(0, Math.ceil((Date.now() - first) / period)) * period,
  };
}

/** Resolves when a call that is made then has failed for the first time. */
async function failedAt(called: number): Promise<void> {
  await eventually(() => Date.now() > called + 2 * COMMAND_TIMEOUT);
}

describe('a scheduled run that is due while the store is away', () => {
  it('of @Cron runs once when the store is back, with one line that says how late', async () => {
    const ran: (Date | undefined)[] = [];
    class Jobs {
      async nightly(): Promise<void> {
        ran.push(ExclusiveLockService.current()?.tick);
      }
    }
    const { cron, next } = ticksSoon();
    decorate(Jobs, 'nightly', Cron(cron), Exclusive('nightly-report'));
    const { server, log, events } = await startAndLoseRedis(Jobs);
    ran.length = 0;
    const tick = next();
    await failedAt(tick);
    await server.restart();

    await eventually(() => ran.length > 0);
    expect(ran).toEqual([new Date(tick)]);
    const told = `"nightly-report" (tick ${new Date(tick).toISOString()} of nightly-report) begins `;
    expect(
      log.ours('log').filter((line) => line.startsWith(told) && line.includes(' s late: ')),
    ).toHaveLength(1);
    expect(log.ours('warn')).toEqual([]);
    expect(log.ours('error')).toHaveLength(1);
    expect(events.find(({ type }) => type === 'acquired')).toMatchObject({ late: expect.any(Number) });
    expect(events.filter(({ type }) => type === 'skipped')).toEqual([]);
  });

  it('of @Timeout, which is due only once, runs late', async () => {
    let ran = 0;
    class Jobs {
      async warm(): Promise<void> {
        ran++;
      }
    }
    decorate(Jobs, 'warm', Timeout(500), Exclusive('warm'));
    const { server, log } = await startAndLoseRedis(Jobs);
    await failedAt(Date.now() + 500);
    await server.restart();

    await eventually(() => ran > 0);
    expect(log.ours('log').some((line) => /^"warm" \(key .* of warm\) begins \d/.test(line))).toBe(true);
    expect(log.ours('warn')).toEqual([]);
  });

  it('of @Interval runs late, until its next call', async () => {
    const calls: number[] = [];
    class Jobs {
      async poll(): Promise<void> {
        calls.push(performance.now());
      }
    }
    decorate(Jobs, 'poll', Interval(4 * SECOND), Exclusive('poll'));
    const { server, log, events } = await startAndLoseRedis(Jobs);
    await failedAt(Date.now() + 4 * SECOND);
    await server.restart();

    await eventually(() => calls.length > 0);
    expect(events.find(({ type }) => type === 'waited')).toMatchObject({ granted: true });
    expect(log.ours('warn')).toEqual([]);
  });

  it("of @Cron with whenUnavailable: 'run' runs at once, without its lock", async () => {
    const leases: unknown[] = [];
    class Jobs {
      async tick(): Promise<void> {
        leases.push(ExclusiveLockService.current());
      }
    }
    decorate(Jobs, 'tick', Cron('* * * * * *'), Exclusive('tick', { whenUnavailable: 'run' }));
    const { log } = await startAndLoseRedis(Jobs);

    await eventually(() => leases.length >= 3);
    expect(new Set(leases.slice(1))).toEqual(new Set([undefined]));
    expect(log.ours('warn')).toEqual([expect.stringContaining('Jobs.tick runs without its lock "tick"')]);
  });
});

describe('a call by hand while the store is away', () => {
  it.each([
    ['@Timeout', Timeout(1_000_000)],
    ['@Interval', Interval(1_000_000)],
    ['@Cron', Cron('0 0 0 1 1 *')],
  ])('is skipped soon, because its caller waits for an answer: %s', async (_, schedule) => {
    class Jobs {
      async warm(): Promise<void> {}
    }
    decorate(Jobs, 'warm', schedule, Exclusive('warm'));
    const { module, events } = await startAndLoseRedis(Jobs);

    await module.get(Jobs).warm();
    expect(events).toEqual([expect.objectContaining({ type: 'skipped', reason: 'store-unavailable' })]);
  });
});

describe('a tick that is lost in the end', () => {
  it.each([
    ['because the next one is due', {}],
    ['because it was not to be asked for again', { retryFor: 0 }],
  ])('%s is logged in one warning for each outage, which names lock, job and tick', async (_why, options) => {
    class Jobs {
      async tick(): Promise<void> {}
    }
    decorate(Jobs, 'tick', Cron('* * * * * *'), Exclusive('every-second', options));
    const { log, events } = await startAndLoseRedis(Jobs);

    await eventually(() => events.filter(({ type }) => type === 'skipped').length >= 3);
    expect(log.ours('warn')).toEqual([
      expect.stringMatching(
        /^"every-second" \(tick 20\d\d-.*:\d\d\.000Z of every-second\) was not run by this replica: the lock store was unavailable/,
      ),
    ]);
    expect(log.ours('error')).toHaveLength(1);
  });

  it('because the application shuts down is logged in a warning, and does not delay the shutdown', async () => {
    class Jobs {
      async nightly(): Promise<void> {}
    }
    const { cron, next } = ticksSoon();
    decorate(Jobs, 'nightly', Cron(cron), Exclusive('nightly-report'));
    const { module, log, events } = await startAndLoseRedis(Jobs);
    await failedAt(next());
    await module.close();

    expect(log.ours('warn')).toEqual([
      expect.stringMatching(/^"nightly-report" \(tick .*until the application shut down/),
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'skipped', reason: 'shutting-down' });
  });
});

describe('retryFor', () => {
  it('may be set for a class, and has an effect only on its scheduled methods', async () => {
    @Injectable()
    @Exclusive.defaults({ retryFor: 0 })
    class Jobs {
      @Cron('0 0 0 1 1 *')
      @Exclusive('yearly')
      async yearly(): Promise<void> {}

      @Exclusive('by-hand')
      async byHand(): Promise<string | undefined> {
        return 'ran';
      }
    }
    const { module } = await startApp({ imports: [ScheduleModule.forRoot()], providers: [Jobs] });
    await expect(module.get(Jobs).byHand()).resolves.toBe('ran');
  });

  it.each(['byHand', 'onModuleInit'])('is refused at start if it has no effect: on %s', async (key) => {
    class Jobs {
      async [key](): Promise<void> {}
    }
    decorate(Jobs, key, Exclusive('a', { retryFor: 1000 }));
    const failure = await startFailure({ providers: [Jobs] });
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain(`retryFor of @Exclusive on Jobs.${key} has no effect`);
  });

  it('is a number of milliseconds', () => {
    expect(() => Exclusive('a', { retryFor: -1 })).toThrow(
      'retryFor must be a number of milliseconds from 0',
    );
  });
});

/** The decorators from above to below. */
function decorate(type: new () => object, key: string, ...decorators: MethodDecorator[]): void {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, key)!;
  for (const decorator of decorators.toReversed()) decorator(type.prototype, key, descriptor);
  Object.defineProperty(type.prototype, key, descriptor);
  Injectable()(type);
}
