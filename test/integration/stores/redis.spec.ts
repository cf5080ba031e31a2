import { Redis } from 'ioredis';
import { OutageLog } from '../../../lib/common/outage-log.js';
import { LockKeys } from '../../../lib/stores/redis/lock-keys.js';
import { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { removeKeys, testRedisUrl, uniquePrefix } from '../../support/redis/test-redis.js';
import { describeLockStore } from './lock-store.conformance.js';

const logger = { ...console, log: console.info };
const outages = new OutageLog(logger);

describeLockStore('the Redis store', async () => {
  const client = new Redis(testRedisUrl());
  const [prefix, otherPrefix] = [uniquePrefix(), uniquePrefix()];
  const stores = [await open(prefix), await open(prefix)] as const;
  const other = await open(otherPrefix);

  return {
    stores,
    otherPrefix: other,
    now: async () => {
      // ioredis says numbers and gives strings.
      const [seconds = NaN, microseconds = NaN] = (await client.time()).map(Number);
      return seconds * 1000 + microseconds / 1000;
    },
    setClockBack: async (name, claim, ms) => {
      const key = new LockKeys(prefix).mark(name, claim);
      const [time, ...rest] = (await client.get(key))!.split('\n');
      await client.set(key, [Number(time) + ms, ...rest].join('\n'), 'PX', (await client.pttl(key)) + ms);
    },
    close: async () => {
      await Promise.all([...stores, other].map((store) => store.close()));
      await removeKeys(client, prefix);
      await removeKeys(client, otherPrefix);
      await client.quit();
    },
  };
});

function open(prefix: string): Promise<RedisLockStore> {
  return RedisLockStore.open({ connection: testRedisUrl(), prefix, outages, logger });
}
