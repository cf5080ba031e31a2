import { Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Exclusive,
  ExclusiveLockModule,
  ExclusiveLockService,
  type ExclusiveOptions,
} from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { CapturingLogger } from './support/capturing-logger.js';
import { Gate } from './support/gate.js';
import { closeApps, compileApp, startApp, startFailure } from './support/nest-apps.js';

afterEach(closeApps);

let runs: (string | undefined)[] = [];
let store: MemoryLockStore;

beforeEach(() => {
  runs = [];
  store = new MemoryLockStore();
});

@Injectable()
class Seeds implements OnModuleInit, OnApplicationBootstrap {
  @Exclusive('seed')
  async onModuleInit(): Promise<void> {
    runs.push(ExclusiveLockService.current()?.name);
    await sleep(50);
  }

  @Exclusive()
  async onApplicationBootstrap(): Promise<void> {
    runs.push(ExclusiveLockService.current()?.name);
    await sleep(50);
  }
}

/** A provider whose start hook does what the test says. */
function seeds(options: ExclusiveOptions, run: () => unknown) {
  @Injectable()
  class Seed implements OnModuleInit {
    @Exclusive('seed', options)
    async onModuleInit(): Promise<void> {
      await run();
    }
  }
  return Seed;
}

const start = (provider: ReturnType<typeof seeds>, version?: string) =>
  startApp({ locks: { store, ...(version && { version }) }, providers: [provider] });

describe('start hooks with @Exclusive', () => {
  it('run under their locks before the application has started', async () => {
    const { log } = await startApp({ providers: [Seeds] });
    expect(runs).toEqual(['seed', 'Seeds.onApplicationBootstrap']);
    expect(log.complaints).toEqual([]);
  });

  it('run if a factory made the object', async () => {
    await startApp({ providers: [{ provide: 'SEEDS', useFactory: () => new Seeds() }] });
    expect(runs).toEqual(['seed', 'Seeds.onApplicationBootstrap']);
  });

  it('run once in applications that start together, and all of them start after that', async () => {
    const apps = await Promise.all([1, 2, 3].map(() => startApp({ locks: { store }, providers: [Seeds] })));
    expect(runs).toEqual(['seed', 'Seeds.onApplicationBootstrap']);
    for (const { log } of apps) expect(log.complaints).toEqual([]);
  });

  it('make the other replicas wait', async () => {
    const gate = new Gate();
    const first = start(seeds({}, () => gate.pass()));
    await gate.reached;
    let started = false;
    const second = start(seeds({}, () => runs.push('second'))).then(() => (started = true));
    await sleep(300);
    expect(started).toBe(false);

    gate.open();
    await Promise.all([first, second]);
    expect(runs).toEqual([]);
  });

  it('do not run again in an application that starts later', async () => {
    await startApp({ locks: { store }, providers: [Seeds] });
    await startApp({ locks: { store }, providers: [Seeds] });
    expect(runs).toEqual(['seed', 'Seeds.onApplicationBootstrap']);
  });

  it('fail the start with their own error, and run in the next application', async () => {
    const broken = seeds({}, () => Promise.reject(new Error('no such table')));
    const failure = await startFailure({ locks: { store }, providers: [broken] });
    expect(failure.message).toBe('no such table');
    await start(seeds({}, () => runs.push('next')));
    expect(runs).toEqual(['next']);
  });

  it('run once for each version of the decorator or the module', async () => {
    const mine = () => runs.push('ran');
    await start(seeds({ version: 'v1' }, mine));
    await start(seeds({}, mine), 'v1');
    expect(runs).toHaveLength(1);
    await start(seeds({}, mine), 'v2');
    expect(runs).toHaveLength(2);
    await start(seeds({ version: 'v3' }, mine), 'v2');
    expect(runs).toHaveLength(3);
  });

  it('run again when remember has passed', async () => {
    await start(seeds({ remember: 1 }, () => runs.push('first')));
    await sleep(10);
    await start(seeds({ remember: 1 }, () => runs.push('second')));
    expect(runs).toEqual(['first', 'second']);
  });

  it('fail the start after standbyTimeout, with an error that names the holder', async () => {
    const gate = new Gate();
    const first = start(seeds({}, () => gate.pass()));
    await gate.reached;
    const late = seeds({ standbyTimeout: 200 }, () => runs.push('late'));
    const failure = await startFailure({ locks: { store, replica: 'late' }, providers: [late] });
    expect(failure).toMatchObject({ code: 'LOCK_TIMEOUT', holder: { pid: process.pid } });
    expect(failure.message).toMatch(
      /^Seed\.onModuleInit did not run within standbyTimeout\. The lock "seed" could not be acquired within 200 ms: /,
    );

    gate.open();
    await first;
  });

  it('fail the start if the application shuts down while it waits', async () => {
    const gate = new Gate();
    const first = start(seeds({}, () => gate.pass()));
    await gate.reached;
    const { module } = await compileApp({
      locks: { store },
      providers: [seeds({}, () => runs.push('never'))],
    });
    const second = module.init();
    const refused = expect(second).rejects.toMatchObject({ code: 'LOCK_SHUTTING_DOWN' });
    await sleep(50);

    await module.get(ExclusiveLockModule).onApplicationShutdown();

    await refused;
    gate.open();
    await first;
    expect(runs).toEqual([]);
  });

  it('belong to the run of an overriding hook that calls super', async () => {
    @Injectable()
    class Special extends Seeds {
      @Exclusive('seed')
      override async onModuleInit(): Promise<void> {
        await super.onModuleInit();
        runs.push('special');
      }
    }
    await startApp({ providers: [Special] });
    expect(runs).toEqual(['seed', 'special', 'Special.onApplicationBootstrap']);
  });

  it("let the start go on with a warning after standbyTimeout with whenTimedOut: 'continue'", async () => {
    const gate = new Gate();
    const first = start(seeds({}, () => gate.pass()));
    await gate.reached;
    const late = seeds({ standbyTimeout: 200, whenTimedOut: 'continue' }, () => runs.push('late'));
    const { log } = await start(late);
    const line =
      /within standbyTimeout\. .*could not be acquired within 200 ms: .*'continue', so the start goes on without it\.$/;
    expect(log.ours('warn')).toEqual([expect.stringMatching(line)]);
    expect(runs).toEqual([]);

    gate.open();
    await first;
  });

  it('wait for a store that is away, and fail the start if that takes too long', async () => {
    const away = new MemoryLockStore();
    away.acquire = () => Promise.reject(new Error('down'));
    const late = seeds({ standbyTimeout: 300 }, () => runs.push('late'));
    const failure = await startFailure({ locks: { store: away }, providers: [late] });
    expect(failure).toMatchObject({ code: 'LOCK_TIMEOUT', holder: undefined, cause: { code: 'LOCK_STORE' } });
    expect(runs).toEqual([]);
  });
});

describe('shutdown hooks with @Exclusive', () => {
  it('run under their locks', async () => {
    @Injectable()
    class Leaving {
      @Exclusive('leave')
      async onModuleDestroy(): Promise<void> {
        runs.push(ExclusiveLockService.current()?.name);
      }

      @Exclusive('flush', { minGap: 1000 })
      async beforeApplicationShutdown(): Promise<void> {
        runs.push(ExclusiveLockService.current()?.name);
      }

      @Exclusive()
      async onApplicationShutdown(): Promise<void> {
        runs.push(ExclusiveLockService.current()?.name);
      }
    }
    const log = new CapturingLogger();
    const { module } = await compileApp({ providers: [Leaving] });
    module.useLogger(log);
    await module.init();
    await module.close();
    expect(runs).toEqual(['leave', 'flush', 'Leaving.onApplicationShutdown']);
    expect(log.complaints).toEqual([]);
  });
});
