import { Injectable, type LoggerService, type OnModuleInit } from '@nestjs/common';
import { Exclusive, type LoggerWithLevels } from 'nestjs-exclusive-lock';
import { testRedisUrl, uniquePrefix } from '../../support/redis/test-redis.js';
import { lockOf, releaseLocks } from './support/lock-objects.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

afterEach(async () => {
  await releaseLocks();
  await closeApps();
});

/** With the levels of pino. */
class Kept {
  readonly lines: string[] = [];
  readonly debug = (line: string): unknown => this.lines.push(`debug ${line}`);
  readonly info = (line: string): unknown => this.lines.push(`info ${line}`);
  readonly warn = (line: string): unknown => this.lines.push(`warn ${line}`);
  readonly error = (line: string): unknown => this.lines.push(`error ${line}`);
}

@Injectable()
class Migration implements OnModuleInit {
  @Exclusive('migrate', { standbyTimeout: 1, whenTimedOut: 'continue' })
  async onModuleInit(): Promise<void> {}
}

describe('forRoot({ logger })', () => {
  it('gets every line of the package: of the locks, of events$, of decorated methods', async () => {
    const logger = new Kept();
    const { locks, log } = await startApp({ locks: { store: 'memory', logger } });
    await locks.run('a', () => locks.acquire('a'));
    locks.events$.subscribe(() => {
      throw new Error('subscriber');
    });
    await locks.run('b', () => 1);
    expect(logger.lines).toContainEqual(expect.stringMatching(/^debug "a" is skipped: busy/));
    expect(logger.lines).toContain('error A subscriber of events$ threw: subscriber.');
    expect(log.lines.filter(({ context }) => context === 'ExclusiveLock')).toEqual([]);
  });

  it('gets the line of a decorated method whose wait has timed out', async () => {
    const logger = new Kept();
    const options = { redis: testRedisUrl(), prefix: uniquePrefix() };
    const { locks } = await startApp({ locks: options });
    const lock = lockOf(locks, 'migrate');
    await lock.acquire();
    await startApp({ locks: { ...options, logger }, providers: [Migration] });
    expect(logger.lines).toContainEqual(
      expect.stringMatching(/^warn .*The lock "migrate" could not be acquired/),
    );
  });

  it('logs nothing with false', async () => {
    const { locks, log } = await startApp({ locks: { store: 'memory', logger: false } });
    await locks.run('a', () => locks.acquire('a'));
    const lock = lockOf(locks, 'b');
    await lock.acquire();
    await lock.acquire();
    expect(log.lines.filter(({ context }) => context === 'ExclusiveLock')).toEqual([]);
    expect(log.complaints).toEqual([]);
  });

  it("is Nest's Logger by default, with the context ExclusiveLock", async () => {
    const { locks, log } = await startApp();
    await locks.run('a', () => locks.acquire('a'));
    expect(log.ours('debug')).toEqual([expect.stringMatching(/^"a" is skipped: busy/)]);
  });

  it.each<[what: string, logger: unknown, told: string]>([
    ['an object without levels', {}, 'the given one lacks info (or log), warn, error'],
    ['a name', 'pino', 'logger = "pino"'],
    ['true', true, 'logger = true'],
  ])('is refused at start with %s', async (_what, logger, told) => {
    const error = await startFailure({
      locks: { store: 'memory', logger: logger as LoggerWithLevels },
    });
    expect(error).toMatchObject({ code: 'LOCK_CONFIGURATION' });
    expect(error.message).toContain(told);
  });

  it('compiles with common loggers', () => {
    const service = undefined as unknown as LoggerService;
    const loggers: LoggerWithLevels[] = [console, service];
    // @ts-expect-error no levels but one
    loggers.push({ warn: () => undefined });
    expect(loggers).toHaveLength(3);
  });
});
