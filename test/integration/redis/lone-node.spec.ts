import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import type { RedisServer } from '../../support/redis/redis-server.js';
import { queueUp } from '../../../lib/testing/store-contract/queue-up.js';
import { startLoneNode } from './support/cluster.js';
import { closeEverything, openStore, wanted, WITHIN } from './support/redis-stores.js';

const NAMES = ['a', 'b', 'c', 'd', 'e'];

describe('a server in cluster mode that is given by a plain URL', () => {
  let server: RedisServer;
  let store: RedisLockStore;

  beforeEach(async () => {
    server = await startLoneNode();
    ({ store } = await openStore(server.url));
  });
  afterEach(closeEverything);

  it('renews leases whose locks are in different slots', async () => {
    const requests = NAMES.map((name) => wanted(name));
    for (const request of requests) await store.acquire(request, WITHIN);

    expect(await store.renew(requests, WITHIN)).toEqual(requests.map(() => 'held'));
    expect(await store.renew([...requests, wanted('nobody')], WITHIN)).toEqual([
      ...requests.map(() => 'held'),
      'vanished',
    ]);
  });

  it('gets commands with several locks only until it refuses one', async () => {
    const client = server.client();
    const refused = async (): Promise<number> =>
      Number(/errorstat_CROSSSLOT:count=(\d+)/.exec(await client.info('errorstats'))?.[1] ?? 0);
    // KeyDB refuses none whose keys it has all.
    const isToRefuse = await client.mget(...NAMES).then(
      () => 0,
      () => 1,
    );
    await client.config('RESETSTAT');
    for (let round = 0; round < 3; round++) {
      const requests = NAMES.map((name) => wanted(name));
      const grants = await Promise.all(requests.map((request) => store.acquire(request, WITHIN)));
      expect(grants.map(({ status }) => status)).toEqual(NAMES.map(() => 'granted'));
      expect(await store.renew(requests, WITHIN)).toEqual(NAMES.map(() => 'held'));
      const releases = requests.map((request) => store.release(request, WITHIN));
      expect(await Promise.all(releases)).toEqual(NAMES.map(() => 'held'));
      expect(await refused()).toBe(isToRefuse);
    }
  });

  it('answers each call as if it were the only one after it has refused them together', async () => {
    const requests = NAMES.map((name) => wanted(name));
    for (const request of requests) await store.acquire(request, WITHIN);
    await server.client().del('locks:c');

    // The first goes alone, the others together.
    const releases = await Promise.all(requests.map((request) => store.release(request, WITHIN)));
    expect(releases).toEqual(['held', 'held', 'vanished', 'held', 'held']);

    const { store: other } = await openStore(server.url);
    const grants = await Promise.all(requests.map(({ name }) => other.acquire(wanted(name), WITHIN)));
    expect(grants).toEqual(NAMES.map(() => ({ status: 'granted', fencingToken: expect.any(Number) })));
  });

  it('sends messages to waiters', async () => {
    const holder = wanted('lock');
    await store.acquire(holder, WITHIN);
    const waiter = await queueUp(store, wanted('lock'));
    await store.release(holder, WITHIN);
    expect(await store.inspect('lock', WITHIN)).toMatchObject({ owner: waiter.request.owner });
  });
});
