import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import type { RedisConnectionOptions } from 'nestjs-exclusive-lock';
import { freePort } from '../../support/free-port.js';
import { eventually } from '../../support/eventually.js';
import { ownTime } from '../../support/own-time.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeApps, startApp, type NestApp } from './support/nest-apps.js';

// A rejection that nothing handles fails a test of jest 30 by itself.
afterEach(async () => {
  await closeApps();
  await RedisServer.closeAll();
});

const BOOT = 3000;

async function bootTime(start: () => Promise<NestApp>): Promise<NestApp> {
  const begun = ownTime();
  const app = await start();
  expect(ownTime() - begun).toBeLessThan(BOOT);
  return app;
}

/** Starts an application whose Redis is not there. */
async function startWithoutRedis(port: number, commandTimeout = 300): Promise<NestApp> {
  const locks = { redis: `redis://127.0.0.1:${port}`, commandTimeout, ttl: 10_000 };
  return bootTime(() => startApp({ locks }));
}

/** Enough for a call to a Redis that is there. */
const AMPLE = 2000;

const ran = { status: 'ran', value: 'done' };

describe('a Redis that is down when the application starts', () => {
  it('lets it start, with one error line that names the server and the reason', async () => {
    const port = await freePort();
    const { log } = await startWithoutRedis(port);
    expect(log.ours('error')).toEqual([expect.stringMatching(new RegExp(`127.0.0.1:${port}.*ECONNREFUSED`))]);
  });

  it('makes `run` skip with a reason and an error', async () => {
    const { locks } = await startWithoutRedis(await freePort());
    let called = false;
    const outcome = await locks.run('job', () => (called = true));
    expect(outcome).toMatchObject({
      status: 'skipped',
      reason: 'store-unavailable',
      error: { name: 'LockStoreError', code: 'LOCK_STORE', mayHaveRun: false },
    });
    expect(called).toBe(false);
  });

  it('makes `acquire` and `inspect` reject in bounded time', async () => {
    const { locks } = await startWithoutRedis(await freePort());
    const begun = ownTime();
    const unavailable = { name: 'LockStoreError', code: 'LOCK_STORE' };
    await Promise.all([
      expect(locks.acquire('job')).rejects.toMatchObject(unavailable),
      expect(locks.inspect('job')).rejects.toMatchObject(unavailable),
    ]);
    expect(ownTime() - begun).toBeLessThan(1000);
  });

  it('is logged once, however many calls fail', async () => {
    const { locks, log } = await startWithoutRedis(await freePort());
    await Promise.all(Array.from({ length: 20 }, (_, i) => locks.run(`job-${i}`, () => i)));
    await locks.run('job', () => 0);
    expect(log.ours('error')).toHaveLength(1);
    expect(log.ours('warn')).toEqual([]);
  });

  it('does not delay an orderly shutdown', async () => {
    const { module } = await startWithoutRedis(await freePort());
    const begun = ownTime();
    await module.close();
    expect(ownTime() - begun).toBeLessThan(1000);
  });

  it('is used without a restart as soon as it is up, and one line says so', async () => {
    const port = await freePort();
    const { locks, log } = await startWithoutRedis(port, AMPLE);
    await expect(locks.run('job', () => 'done')).resolves.toMatchObject({ status: 'skipped' });
    await RedisServer.start({ port });
    await eventually(async () => expect(await locks.run('job', () => 'done')).toEqual(ran));
    await expect(locks.acquire('other').then((lease) => lease?.release())).resolves.toBeUndefined();
    expect(log.ours('log').filter((line) => line.includes('is back'))).toHaveLength(1);
    expect(log.ours('error')).toHaveLength(1);
  });

  it('is logged again, once each, when it goes down and comes back later', async () => {
    const server = await RedisServer.start();
    const { locks, log } = await startWithoutRedis(server.port, AMPLE);
    await expect(locks.run('job', () => 'done')).resolves.toEqual(ran);
    expect(log.complaints).toEqual([]);
    await server.kill();
    await expect(locks.run('job', () => 'done')).resolves.toMatchObject({ reason: 'store-unavailable' });
    await server.restart();
    await eventually(async () => expect(await locks.run('job', () => 'done')).toEqual(ran));
    expect(log.ours('error')).toHaveLength(1);
    expect(log.ours('log').filter((line) => line.includes('is back'))).toHaveLength(1);
  });
});

describe('a Redis that refuses the password', () => {
  const GIVEN = 'gu3ssed-wrong';
  const ARGS = ['--requirepass', 'the-right-0ne'];

  it.each<[how: string, redis: (port: number) => RedisConnectionOptions]>([
    ['a wrong one in the URL', (port) => `redis://:${GIVEN}@127.0.0.1:${port}`],
    ['a wrong one with a user in the URL', (port) => `redis://somebody:${GIVEN}@127.0.0.1:${port}`],
    ['a wrong one in the options', (port) => ({ host: '127.0.0.1', port, password: GIVEN })],
    ['none', (port) => `redis://127.0.0.1:${port}`],
  ])(
    'lets the application start, and logs the reason once and never the password: %s',
    async (_how, redis) => {
      const { port } = await RedisServer.start({ args: ARGS });
      const locks = { redis: redis(port), commandTimeout: 300, ttl: 2000 };
      const app = await bootTime(() => startApp({ locks }));
      const outcome = await app.locks.run('job', () => 'done');
      expect(outcome).toMatchObject({ status: 'skipped', reason: 'store-unavailable' });
      const rejected: unknown = await app.locks.acquire('job').catch((error: unknown) => error);
      expect(rejected).toMatchObject({ code: 'LOCK_STORE' });
      // Some attempts to connect again.
      await sleep(500);
      expect(app.log.ours('error')).toEqual([expect.stringMatching(/WRONGPASS|NOAUTH/)]);
      const told = inspect([app.log.lines, outcome, rejected], { depth: 9, showHidden: true });
      expect(told.includes(GIVEN)).toBe(false);
      expect((rejected as Error).message).toMatch(/WRONGPASS|NOAUTH/);
    },
  );

  it('is used without a restart once it accepts the password', async () => {
    const server = await RedisServer.start({ args: ARGS });
    const redis = `redis://:${GIVEN}@127.0.0.1:${server.port}`;
    const { locks, log } = await startApp({ locks: { redis, commandTimeout: AMPLE, ttl: 10_000 } });
    const admin = new Redis(server.port, '127.0.0.1', { password: 'the-right-0ne' });
    await admin.config('SET', 'requirepass', GIVEN);
    admin.disconnect();
    await eventually(async () => expect(await locks.run('job', () => 'done')).toEqual(ran));
    expect(log.ours('log').filter((line) => line.includes('is back'))).toHaveLength(1);
  });
});
