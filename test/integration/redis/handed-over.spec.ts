import type { Redis } from 'ioredis';
import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { GRANT_TIMEOUT } from '../../../lib/stores/lock-store.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { queueUp } from '../../../lib/testing/store-contract/queue-up.js';
import { closeEverything, openStore, wanted, WITHIN, ownerIn } from './support/redis-stores.js';

const DAY = 24 * 60 * 60_000;

describe('a lock that is handed over after its state was lost', () => {
  let client: Redis;
  let store: RedisLockStore;

  beforeEach(async () => {
    const server = await RedisServer.start();
    client = server.client();
    ({ store } = await openStore(server.url));
  });
  afterEach(closeEverything);

  it.each([
    ['one', (holder: ReturnType<typeof wanted>) => store.release(holder, WITHIN)],
    [
      'many',
      async (holder: ReturnType<typeof wanted>) => {
        const others = ['a', 'b', 'c'].map((name) => wanted(name));
        await Promise.all([...others, holder].map((request) => store.release(request, WITHIN)));
      },
    ],
  ])(
    'gets a new state at the release of %s, with a higher fencing token, that expires',
    async (_, release) => {
      const holder = wanted();
      const granted = await store.acquire(holder, WITHIN);
      const waiter = await queueUp(store, wanted());
      await client.del('{locks:lock}:token');

      await release(holder);

      expect(await ownerIn(client, 'locks:lock')).toBe(waiter.request.owner);
      expect(await client.pttl('locks:lock')).toBeLessThanOrEqual(GRANT_TIMEOUT);
      const fencingToken = Number(await client.get('{locks:lock}:token'));
      expect(fencingToken).toBeGreaterThan(granted.status === 'granted' ? granted.fencingToken : Infinity);
      expect(await client.pttl('{locks:lock}:token')).toBeGreaterThan(DAY);
    },
  );
});
