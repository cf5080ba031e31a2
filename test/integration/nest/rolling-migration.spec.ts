import { once } from 'node:events';
import { Module } from '@nestjs/common';
import { ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { ExclusiveLock2 } from '../../support/exclusive-lock-2.js';
import { eventually } from '../../support/eventually.js';
import { removeKeys, testRedisUrl } from '../../support/redis/test-redis.js';
import { lockOf } from './support/lock-objects.js';
import { startApp } from './support/nest-apps.js';
import { useRedis } from './support/redis-prefix.js';

const TTL = 3000;
const RENEW_EVERY = 100;

const redis = useRedis();

/** The same lock, as a replica of the new version has it and as one of the old version. */
async function bothSides(ttl = TTL) {
  const { locks } = await startApp({ locks: { redis: testRedisUrl(), prefix: redis.prefix } });
  const lock = lockOf(locks, 'nightly', { ttl: TTL, renewEvery: RENEW_EVERY, contents: 'pod-new' });
  return { lock, old: new ExclusiveLock2(redis.client, `${redis.prefix}:nightly`, ttl) };
}

describe('while replicas with exclusive-lock 2.0.0 still run', () => {
  it('a lock object keeps them out while it holds the lock', async () => {
    const { lock, old } = await bothSides();
    await lock.acquire();
    expect(await old.acquire()).toBe(false);
    await once(lock, 'refreshed');
    expect(await old.acquire()).toBe(false);
    await lock.release();
    expect(await old.acquire()).toBe(true);
  });

  it('a lock object is kept out while they hold the lock', async () => {
    const { lock, old } = await bothSides();
    await old.acquire();
    expect(await lock.acquire()).toBe(false);
    await old.refresh();
    expect(await lock.acquire()).toBe(false);
    await old.release();
    expect(await lock.acquire()).toBe(true);
  });

  it('a lock object gets the lock of a dead replica after its ttl', async () => {
    const { lock, old } = await bothSides(300);
    await old.acquire();
    expect(await lock.acquire()).toBe(false);
    await eventually(() => lock.acquire(), { every: 50 });
  });

  it('a lock object can inspect their locks', async () => {
    const { lock, old } = await bothSides();
    await old.acquire('pod-old');
    const state = await lock.inspect();
    expect(state).toEqual({
      name: 'nightly',
      holder: { contents: 'pod-old', raw: 'pod-old' },
      remaining: expect.any(Number),
      fencingToken: undefined,
      waiters: 0,
    });
    expect(state?.remaining).toBeGreaterThan(TTL - 1000);
    expect(state?.remaining).toBeLessThanOrEqual(TTL);
  });

  it('their contents are parsed if they are JSON', async () => {
    const { lock, old } = await bothSides();
    await old.acquire();
    expect((await lock.inspect())?.holder.contents).toBe(1);
    await old.release();
    await old.acquire('{"pod":"old"}');
    expect((await lock.inspect())?.holder.contents).toEqual({ pod: 'old' });
  });

  it.each(['12345678901234567890', '1.0', 'null', '"q"'])(
    'their contents such as %s are also available as text',
    async (text) => {
      const { lock, old } = await bothSides();
      await old.acquire(text);
      expect((await lock.inspect())?.holder.raw).toBe(text);
    },
  );

  it('they can inspect a lock object as JSON that has its contents', async () => {
    const { lock, old } = await bothSides();
    expect(await old.inspect()).toBeNull();
    await lock.acquire();
    const seen = await old.inspect();
    expect(JSON.parse(seen?.lock_contents ?? '')).toMatchObject({
      contents: 'pod-new',
      replica: expect.any(String),
    });
    expect(seen?.lock_ttl_ms).toBeGreaterThan(TTL - 1000);
  });

  it('a lock object notices at its next renewal that one of them has deleted its lock', async () => {
    const { lock, old } = await bothSides();
    await lock.acquire();
    const lost = once(lock, 'lost');
    await old.release();
    expect(await lost).toMatchObject([{ reason: 'vanished' }]);
    expect(lock.acquired).toBe(false);
  });

  it('a lock object that has lost its lock to one of them does not change their lock', async () => {
    const { lock, old } = await bothSides();
    await lock.acquire();
    await old.release();
    await old.acquire('pod-old');
    await lock.release();
    expect(await old.inspect()).toMatchObject({ lock_contents: 'pod-old' });
  });
});

describe('two prefixes in one application', () => {
  it('work as two imports of the module, each with isGlobal: false', async () => {
    const prefixes = [redis.prefix, `${redis.prefix}-b`];
    const features = prefixes.map((one) => {
      @Module({
        imports: [ExclusiveLockModule.forRoot({ redis: testRedisUrl(), prefix: one, isGlobal: false })],
      })
      class FeatureModule {
        constructor(readonly locks: ExclusiveLockService) {}
      }
      return FeatureModule;
    });
    const { module } = await startApp({ locks: null, imports: features });
    const both = features.map((feature) => lockOf(module.get(feature).locks, 'nightly'));
    expect(both.map(({ key }) => key)).toEqual(prefixes.map((one) => `${one}:nightly`));
    expect(await Promise.all(both.map((lock) => lock.acquire()))).toEqual([true, true]);
    await removeKeys(redis.client, `${redis.prefix}-b`);
  });
});
