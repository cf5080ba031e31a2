import { Redis } from 'ioredis';
import { OutageLog } from '../../../lib/common/outage-log.js';
import { LockKeys } from '../../../lib/stores/redis/lock-keys.js';
import { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { removeKeys, testRedisUrl, uniquePrefix } from '../../support/redis/test-redis.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { describeContract } from './describe-contract.js';

const logger = { ...console, log: console.info };
const outages = new OutageLog(logger);

describeContract(
  'the Redis store',
  async () => {
    const client = new Redis(testRedisUrl());
    const [ours, theirs] = [uniquePrefix(), uniquePrefix()];
    const proxy = await TcpProxy.start(Number(new URL(testRedisUrl()).port));
    const stores = [await open(ours, proxy.port), await open(ours)] as const;
    const otherPrefix = await open(theirs);

    return {
      stores,
      otherPrefix,
      now: async () => {
        // ioredis says numbers and gives strings.
        const [seconds = NaN, microseconds = NaN] = (await client.time()).map(Number);
        return seconds * 1000 + microseconds / 1000;
      },
      setClockBack: async (name, claim, ms) => {
        const key = new LockKeys(ours).record(name, claim);
        const [time, ...rest] = (await client.get(key))!.split('\n');
        const mark = [Number(time) + ms, ...rest].join('\n');
        await client.set(key, mark, 'PX', (await client.pttl(key)) + ms);
      },
      holdReplies: () => {
        proxy.hold('toClient');
        return () => proxy.releaseHeld('toClient');
      },
      close: async () => {
        await Promise.all([...stores, otherPrefix].map((store) => store.close()));
        await removeKeys(client, ours);
        await removeKeys(client, theirs);
        await client.quit();
        await proxy.close();
      },
    };
  },
  { without: ['advance'] },
);

function open(prefix: string, port?: number): Promise<RedisLockStore> {
  const connection = new URL(testRedisUrl());
  if (port !== undefined) connection.port = String(port);
  return RedisLockStore.open({ connection: connection.href, prefix, outages, logger });
}
