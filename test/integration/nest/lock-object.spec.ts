import { once } from 'node:events';
import type { ExclusiveLockModuleOptions, LockState } from 'nestjs-exclusive-lock';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { testRedisUrl } from '../../support/redis/test-redis.js';
import { lockOf } from './support/lock-objects.js';
import { startApp, type NestApp } from './support/nest-apps.js';
import { useRedis } from './support/redis-prefix.js';

const TTL = 3000;
const RENEW_EVERY = 100;

const redis = useRedis();
afterEach(() => RedisServer.closeAll());

const start = (options: object = {}): Promise<NestApp> =>
  startApp({
    locks: {
      redis: testRedisUrl(),
      prefix: redis.prefix,
      ttl: TTL,
      ...options,
    } as ExclusiveLockModuleOptions,
  });

describe('a lock object', () => {
  it('rejects an invalid name or option when it is created', async () => {
    const { locks } = await start();
    const made = (name: string, options: object = {}) => {
      return () => lockOf(locks, name, options);
    };
    expect(made('')).toThrow('A lock name must not be empty');
    expect(made('a', { lock_ttl_ms: 5000 })).toThrow(/lock_ttl_ms is not an option of lock.*ttl, renewEvery/);
    expect(made('a', { ttl: 500, renewEvery: 300 })).toThrow('ttl must be at least 2 × renewEvery');
    expect(made('a', { contents: () => 1 })).toThrow('contents must be a value that JSON can represent');
    expect(made('a', { logger: 'pino' })).toThrow('logger = "pino"');
  });

  it('has the key <prefix>:<name> in Redis', async () => {
    const { locks } = await start();
    const lock = lockOf(locks, 'nightly-report');
    expect(lock.key).toBe(`${redis.prefix}:nightly-report`);
    await lock.acquire();
    expect(await redis.client.exists(lock.key)).toBe(1);
  });

  it('shows its ttl, renewEvery and contents', async () => {
    const { locks } = await start();
    const own = lockOf(locks, 'a', { ttl: 5000, contents: { pod: 'abc' } });
    expect(own).toMatchObject({ name: 'a', ttl: 5000, renewEvery: 5000 / 3, contents: { pod: 'abc' } });
    expect(lockOf(locks, 'b')).toMatchObject({ ttl: TTL, renewEvery: TTL / 3, contents: undefined });
  });

  it('has the prefix exclusive-lock by default', async () => {
    const { locks } = await startApp();
    expect(lockOf(locks, 'nightly-report').key).toBe('exclusive-lock:nightly-report');
  });

  it('is acquired by one of many callers at the same time, and acquire() resolves to false for the others', async () => {
    const apps = await Promise.all([start(), start(), start()]);
    const all = apps.flatMap(({ locks }) => [lockOf(locks, 'a'), lockOf(locks, 'a')]);
    const answers = await Promise.all(all.map((lock) => lock.acquire()));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(all.map(({ acquired }) => acquired)).toEqual(answers);
  });

  it('expires after its ttl', async () => {
    const { locks } = await start();
    const lock = lockOf(locks, 'a', { ttl: 60_000 });
    await lock.acquire();
    expect(await redis.client.pttl(lock.key)).toBeGreaterThan(59_000);
    expect(await redis.client.pttl(lock.key)).toBeLessThanOrEqual(60_000);
  });

  it('warns when it is acquired twice, and stays acquired', async () => {
    const { locks, log } = await start();
    const lock = lockOf(locks, 'a');
    await lock.acquire();
    const fencingToken = lock.lease?.fencingToken;
    expect(await lock.acquire()).toBe(true);
    expect([lock.acquired, lock.lease?.fencingToken]).toEqual([true, fencingToken]);
    expect(log.ours('warn')).toEqual([
      `acquire() was called for the lock "${redis.prefix}:a", which is held already. It stays held; call release() first.`,
    ]);
  });

  it('rejects acquire() and inspect() when the store cannot be reached', async () => {
    const server = await RedisServer.start();
    const { locks } = await start({ redis: server.url, commandTimeout: 300 });
    await server.kill();
    const lock = lockOf(locks, 'a');
    const heard: unknown[] = [];
    lock.on('error', (error) => heard.push(error));
    await expect(lock.acquire()).rejects.toMatchObject({ code: 'LOCK_STORE' });
    await expect(lock.inspect()).rejects.toMatchObject({ code: 'LOCK_STORE' });
    expect([lock.acquired, heard]).toEqual([false, []]);
  });

  it('rejects acquire() after the application has shut down', async () => {
    const { locks, module } = await start();
    await module.close();
    await expect(lockOf(locks, 'a').acquire()).rejects.toMatchObject({ code: 'LOCK_SHUTTING_DOWN' });
  });

  it('emits acquired and released with its key', async () => {
    const { locks } = await start();
    const lock = lockOf(locks, 'a');
    const told: string[] = [];
    lock.on('acquired', (key) => told.push(`acquired ${key}`));
    lock.on('released', (key) => told.push(`released ${key}`));
    await lock.acquire();
    await lock.release();
    expect(told).toEqual([`acquired ${redis.prefix}:a`, `released ${redis.prefix}:a`]);
  });

  it('is renewed to its full ttl every renewEvery, and emits refreshed each time', async () => {
    const { locks } = await start();
    const lock = lockOf(locks, 'a', { ttl: TTL, renewEvery: RENEW_EVERY });
    await lock.acquire();
    await redis.client.pexpire(lock.key, TTL / 2);
    const renewed: unknown[] = await once(lock, 'refreshed');
    expect(renewed).toEqual([{ key: lock.key, ttl: TTL }]);
    expect(await redis.client.pttl(lock.key)).toBeGreaterThan(TTL / 2);
    await once(lock, 'refreshed');
  });

  it('emits renewalFailed when a renewal fails, keeps the lock, and goes on when the store is back', async () => {
    const server = await RedisServer.start({ appendonly: true });
    const { locks } = await start({ redis: server.url, commandTimeout: 100 });
    const lock = lockOf(locks, 'a', { ttl: 20_000, renewEvery: RENEW_EVERY });
    await lock.acquire();
    const told = once(lock, 'renewalFailed');
    await server.kill();
    expect(await told).toMatchObject([{ code: 'LOCK_STORE' }]);
    expect(lock.acquired).toBe(true);
    await server.restart();
    await once(lock, 'refreshed');
  });

  it('emits lost when somebody else has deleted its key', async () => {
    const { locks } = await start();
    const lock = lockOf(locks, 'a', { ttl: TTL, renewEvery: RENEW_EVERY });
    await lock.acquire();
    const told = once(lock, 'lost');
    await redis.client.del(lock.key);
    expect(await told).toMatchObject([{ code: 'LOCK_LOST', reason: 'vanished' }]);
    expect(lock.acquired).toBe(false);
  });

  it('shows its contents and the remaining time to everybody', async () => {
    const [one, other] = await Promise.all([start({ replica: 'one' }), start()]);
    await lockOf(one.locks, 'a', { contents: 'pod-1' }).acquire();
    const state = await lockOf(other.locks, 'a').inspect();
    expect(state).toMatchObject({
      holder: { replica: 'one', contents: 'pod-1' },
      fencingToken: expect.any(Number),
    });
    expect(state?.remaining).toBeGreaterThan(TTL - 1000);
    expect(state?.remaining).toBeLessThanOrEqual(TTL);
  });

  it('is null for inspect() when nobody holds it', async () => {
    const { locks } = await start();
    expect(await lockOf(locks, 'a').inspect()).toBeNull();
  });

  it.each([['text'], [12_345], [true], [{ pod: 'abc', steps: [1, 2] }], [null]])(
    'accepts any JSON value as contents: %j',
    async (contents) => {
      const { locks } = await start();
      const lock = lockOf(locks, 'a', { contents });
      await lock.acquire();
      const state: LockState | null = await lock.inspect();
      expect(state?.holder.contents).toEqual(contents);
    },
  );

  it('is free when release() has resolved, and can be acquired again', async () => {
    const [one, other] = await Promise.all([start(), start()]);
    const [lock, theirs] = [lockOf(one.locks, 'a'), lockOf(other.locks, 'a')];
    await lock.acquire();
    expect(await theirs.acquire()).toBe(false);
    await lock.release();
    expect([lock.acquired, await redis.client.exists(lock.key)]).toEqual([false, 0]);
    expect(await theirs.acquire()).toBe(true);
    await theirs.release();
    expect(await lock.acquire()).toBe(true);
  });

  it('is no longer renewed after release()', async () => {
    const { locks } = await start();
    const lock = lockOf(locks, 'a', { ttl: TTL, renewEvery: RENEW_EVERY });
    await lock.acquire();
    await lock.release();
    let renewals = 0;
    lock.on('refreshed', () => renewals++);
    const clockwork = lockOf(locks, 'b', { ttl: TTL, renewEvery: RENEW_EVERY });
    await clockwork.acquire();
    await once(clockwork, 'refreshed');
    await once(clockwork, 'refreshed');
    expect(renewals).toBe(0);
  });

  it('ignores a second release(), and a release() of an object that does not hold it', async () => {
    const { locks } = await start();
    const [lock, theirs] = [lockOf(locks, 'a'), lockOf(locks, 'a')];
    const released: string[] = [];
    lock.on('released', (key) => released.push(key));
    theirs.on('released', (key) => released.push(`theirs ${key}`));
    await lock.acquire();
    await theirs.release();
    expect(lock.acquired).toBe(true);
    await lock.release();
    await lock.release();
    expect(released).toEqual([lock.key]);
  });

  it('never rejects release(), even if the store does not answer, and releases the lock later', async () => {
    const server = await RedisServer.start();
    const { locks } = await start({ redis: server.url });
    const lock = lockOf(locks, 'a', { ttl: 60_000 });
    await lock.acquire();
    await server.pause();
    await lock.release();
    expect(lock.acquired).toBe(false);
    server.resume();
    await eventually(async () => (await lock.inspect()) === null);
  });

  it('describes itself as a string', async () => {
    const { locks } = await start();
    expect(Object.prototype.toString.call(lockOf(locks, 'a'))).toBe('[object ExclusiveLock]');
  });

  it('logs to its own logger if it has one', async () => {
    const { locks, log } = await start();
    const lines: string[] = [];
    const keep = (line: string) => lines.push(line);
    const lock = lockOf(locks, 'a', { logger: { debug: keep, info: keep, warn: keep, error: keep } });
    await lock.acquire();
    await lock.acquire();
    expect(lines).toEqual([expect.stringContaining('which is held already')]);
    expect(log.complaints).toEqual([]);
  });
});
