import { Injectable } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import {
  Exclusive,
  ExclusiveLockModule,
  ExclusiveLockService,
  type ExclusiveLockModuleOptions,
} from 'nestjs-exclusive-lock';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { testRedisUrl, uniquePrefix } from '../../support/redis/test-redis.js';
import { restoreEnvironment, setEnvironment } from './support/environment.js';
import { Gate } from './support/gate.js';
import { closeApps, startApp, startFailure } from './support/nest-apps.js';

beforeEach(() =>
  setEnvironment({ REDIS_URL: undefined, NODE_ENV: 'test', KUBERNETES_SERVICE_HOST: undefined }),
);

afterEach(async () => {
  await closeApps();
  await RedisServer.closeAll();
  restoreEnvironment();
});

const EVERY_SECOND = '* * * * * *';

@Injectable()
class Jobs {
  readonly gate = new Gate();
  started = 0;
  readonly ticks: (number | undefined)[] = [];

  @Exclusive('seed')
  async onModuleInit(): Promise<void> {
    this.started++;
  }

  @Cron(EVERY_SECOND)
  @Exclusive('cron')
  async tick(): Promise<void> {
    this.ticks.push(ExclusiveLockService.current()?.tick?.getTime());
  }

  @Exclusive('slow')
  async slow(): Promise<boolean | undefined> {
    await this.gate.pass();
    return ExclusiveLockService.current()?.held;
  }
}

const imports = [ScheduleModule.forRoot()];

describe('forRoot({ enabled: false })', () => {
  it('makes no connection, and logs one line that locks are off', async () => {
    const server = await RedisServer.start();
    const client = server.client();
    const connections = async () => (await client.client('LIST')) as string;
    const before = (await connections()).split('\n').length;
    const { locks, log } = await startApp({
      locks: { redis: server.url, enabled: false },
      providers: [Jobs],
    });
    await locks.run('a', () => 1);
    expect((await connections()).split('\n')).toHaveLength(before);
    client.disconnect();
    expect(log.complaints).toHaveLength(1);
    expect(log.ours('warn')).toEqual([expect.stringMatching(/^Locks are off \(enabled: false\)/)]);
  });

  it('does not exclude another application', async () => {
    const options: ExclusiveLockModuleOptions = {
      redis: testRedisUrl(),
      prefix: uniquePrefix(),
      enabled: false,
    };
    const apps = await Promise.all(
      [1, 2].map(() => startApp({ locks: options, imports, providers: [Jobs] })),
    );
    const jobs = apps.map(({ module }) => module.get(Jobs));
    const running = jobs.map((job) => job.slow());
    await Promise.all(jobs.map((job) => job.gate.reached));
    for (const job of jobs) job.gate.open();

    await expect(Promise.all(running)).resolves.toEqual([true, true]);
    expect(jobs.map(({ started }) => started)).toEqual([1, 1]);
    await eventually(() => jobs.every(({ ticks }) => ticks.length >= 2));
    for (const { ticks } of jobs) expect(new Set(ticks).size).toBe(ticks.length);
  });

  it('grants leases as usual, and a lock can be busy within the process', async () => {
    const { module, locks } = await startApp({ locks: { enabled: false }, providers: [Jobs] });
    const jobs = module.get(Jobs);
    const running = jobs.slow();
    await jobs.gate.reached;
    await expect(locks.inspect('slow')).resolves.toMatchObject({ holder: { pid: process.pid } });
    await expect(jobs.slow()).resolves.toBeUndefined();
    await expect(locks.acquire('slow')).resolves.toBeNull();
    await expect(locks.run('a', (lease) => lease.held)).resolves.toEqual({ status: 'ran', value: true });
    jobs.gate.open();
    await expect(running).resolves.toBe(true);
  });

  it.each([
    ['nothing else, in production', {}],
    ['a Redis that is not there', { redis: 'redis://127.0.0.1:PORT' }],
    ["store: 'local' with a folder that cannot be", { store: 'local', folder: '/dev/null/x' }],
  ])('needs %s', async (_what, place) => {
    setEnvironment({ NODE_ENV: 'production' });
    const port = String(await freePort());
    const options = JSON.parse(JSON.stringify({ ...place, enabled: false }).replace('PORT', port));
    const { locks, log } = await startApp({ locks: options as ExclusiveLockModuleOptions });
    await expect(locks.run('a', () => 1)).resolves.toEqual({ status: 'ran', value: 1 });
    expect(log.complaints).toHaveLength(1);
  });

  it('neither calls nor closes a store of the user', async () => {
    const store = new MemoryLockStore();
    const lock = { name: 'a', owner: 'mine', holder: '{}', ttl: 60_000 };
    await store.acquire(lock);
    const { module, locks } = await startApp({ locks: { store, enabled: false } });
    await expect(locks.run('a', () => 1)).resolves.toMatchObject({ status: 'ran' });
    await module.close();
    await expect(store.inspect('a')).resolves.toMatchObject({ owner: 'mine' });
  });

  it('works with forRootAsync', async () => {
    const { locks, log } = await startApp({
      locks: null,
      imports: [
        ExclusiveLockModule.forRootAsync({
          useFactory: () => ({ redis: 'redis://127.0.0.1:1', enabled: false }),
        }),
      ],
    });
    await expect(locks.run('a', () => 1)).resolves.toMatchObject({ status: 'ran' });
    expect(log.ours('error')).toEqual([]);
  });

  it('still refuses wrong options', async () => {
    const failure = await startFailure({ locks: { redis: 42, enabled: false } as never });
    expect(failure).toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining('redis = 42'),
    });
  });
});

it('forRoot({ enabled: true }) is the default', async () => {
  const { log } = await startApp({ locks: { store: 'memory', enabled: true } });
  expect(log.complaints).toEqual([]);
});

it.each(['false', 0, null])('enabled: %p, as from the environment, is refused', async (enabled) => {
  const failure = await startFailure({ locks: { store: 'memory', enabled } as never });
  expect(failure).toMatchObject({
    code: 'LOCK_CONFIGURATION',
    message: expect.stringContaining('enabled must be true or false'),
  });
});
