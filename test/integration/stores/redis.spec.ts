import { Redis } from 'ioredis';
import { OutageLog } from '../../../lib/common/outage-log.js';
import { LockKeys } from '../../../lib/stores/redis/lock-keys.js';
import { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { SCRIPTS } from '../../../lib/stores/redis/scripts.js';
import { removeKeys, testRedisUrl, uniquePrefix } from '../../support/redis/test-redis.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { describeContract } from './describe-contract.js';
import { ScriptWatch } from './support/script-watch.js';

const logger = { ...console, log: console.info };
const outages = new OutageLog(logger);

/** A server that is not ours may not let itself be watched. */
const watched = !process.env.REDIS_URL;
let watch: ScriptWatch | undefined;
beforeAll(async () => {
  if (watched) watch = await ScriptWatch.start(testRedisUrl());
});
afterAll(() => watch?.stop());

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

/** After all of the contract. Dragonfly refuses other keys, and a cluster may have them elsewhere. */
(watched ? it : it.skip)(
  'a script touches only keys that its call declares, except the one that lists locks',
  () => {
    const { list, ...others } = SCRIPTS;
    for (const { sha } of Object.values(others)) expect(watch?.called).toContain(sha);
    expect(list.lua).toMatch(/^--!df flags=allow-undeclared-keys\n/);
    expect([...watch!.undeclared]).toEqual([]);
  },
);

function open(prefix: string, port?: number): Promise<RedisLockStore> {
  const connection = new URL(testRedisUrl());
  if (port !== undefined) connection.port = String(port);
  return RedisLockStore.open({ connection: connection.href, prefix, outages, logger });
}
