import { Injectable } from '@nestjs/common';
import { Exclusive, ExclusiveLockService, type ExclusiveLockModuleOptions } from 'nestjs-exclusive-lock';
import { LockKeys } from '../../../lib/stores/redis/lock-keys.js';
import { testRedisUrl } from '../../support/redis/test-redis.js';
import { SHARED_STORES } from '../../support/stores.js';
import { startApp } from './support/nest-apps.js';
import { useRedis } from './support/redis-prefix.js';

const redis = useRedis();

@Injectable()
class Templates {
  @Exclusive((id: string) => `render:${id}`)
  async render(_id: string): Promise<string | undefined> {
    return ExclusiveLockService.current()?.name;
  }
}

const start = (locks: ExclusiveLockModuleOptions) => startApp({ locks, providers: [Templates] });

describe.each(SHARED_STORES)('a lock name with braces from an argument, on %s', (_name, makeStore) => {
  it('works like any other name', async () => {
    const store = makeStore();
    const { module, locks } = await start(store.options);
    await expect(module.get(Templates).render('{{user}}')).resolves.toBe('render:{{user}}');

    const lease = await locks.acquire('render:{1}');
    await expect(locks.run('render:{1}', () => 1)).resolves.toMatchObject({ reason: 'busy' });
    await expect(locks.run('render:%7B1%7D', () => 1)).resolves.toMatchObject({ status: 'ran' });
    await expect(locks.inspect('render:{1}')).resolves.toMatchObject({ name: 'render:{1}' });
    const listed: string[] = [];
    for await (const { name } of locks.list({ prefix: 'render:' })) listed.push(name);
    expect(listed).toEqual(['render:{1}']);
    await expect(locks.forceRelease('render:{1}', { fencingToken: lease!.fencingToken })).resolves.toBe(true);
    await lease?.release();
    await module.close();
    await store.remove();
  });
});

describe('the key of such a name in Redis', () => {
  it('has its braces escaped, as lock.key shows', async () => {
    const { locks } = await start({ redis: testRedisUrl(), prefix: redis.prefix });
    const lock = locks.lock('render:{1}');
    expect(lock.key).toBe(`${redis.prefix}:render:%7B1%7D`);
    await lock.acquire();
    await expect(redis.client.exists(lock.key)).resolves.toBe(1);
    await lock.release();
  });

  it('is the hash tag of all keys of the lock', () => {
    const keys: string[] = [];
    new LockKeys('app').addToAcquire(keys, { name: 'render:{1}', owner: 'owner' }, undefined);
    const [lock, ...others] = keys;
    expect(lock).toBe('app:render:%7B1%7D');
    for (const key of others) expect(key).toMatch(/^\{app:render:%7B1%7D\}:/);
  });
});
