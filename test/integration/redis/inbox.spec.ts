import { jest } from '@jest/globals';
import { Redis } from 'ioredis';
import type { AcquireRequest, QueueGrant, ReleaseRequest } from '../../../lib/stores/lock-store.js';
import { WAITER_RETENTION } from '../../../lib/stores/lock-store.js';
import { RedisConnection } from '../../../lib/stores/redis/redis-connection.js';
import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { closeEverything, openStore, wanted, WITHIN } from './support/redis-stores.js';

const QUEUE = '{locks:lock}:queue';

let server: RedisServer;
let client: Redis;
let holder: AcquireRequest & ReleaseRequest;
let waiter: AcquireRequest;

beforeEach(async () => {
  server = await RedisServer.start();
  client = server.client();
  holder = wanted();
  waiter = { ...wanted(), waited: 0 };
});
afterEach(async () => {
  jest.restoreAllMocks();
  await closeEverything();
});

/** A store where somebody holds the lock and somebody waits for it; `news` are what the latter is told. */
async function storeWithWaiter(): Promise<{ store: RedisLockStore; news: (QueueGrant | undefined)[] }> {
  const { store } = await openStore(server.url);
  await store.acquire(holder, WITHIN);
  const news: (QueueGrant | undefined)[] = [];
  store.queue.watch('lock', (grant) => news.push(grant));
  await asksAndIsQueued(store);
  return { store, news };
}

const asksAndIsQueued = (store: RedisLockStore) =>
  eventually(async () => {
    expect(await store.acquire(waiter, WITHIN)).toMatchObject({ status: 'busy', queued: true });
  });

async function listeners(): Promise<number> {
  const [channel] = (await client.pubsub('CHANNELS', 'locks:inbox:*')) as string[];
  if (!channel) return 0;
  const [, count] = (await client.pubsub('NUMSUB', channel)) as [string, number];
  return count;
}

describe('the connection that receives the messages for waiters', () => {
  it('wakes them when it is subscribed, since earlier messages are lost', async () => {
    const { store } = await openStore(server.url);
    await store.acquire(holder, WITHIN);
    const news: unknown[] = [];
    store.queue.watch('lock', (grant) => news.push(grant));

    expect(await store.acquire(waiter, WITHIN)).toMatchObject({ queued: false });

    await eventually(() => expect(news).toStrictEqual([undefined]));
  });

  it('wakes them when it is lost, since one of them may have the lock for a moment, and when it is subscribed again', async () => {
    const { store, news } = await storeWithWaiter();
    const before = news.length;

    await client.client('KILL', 'TYPE', 'pubsub');

    await eventually(async () => expect(await listeners()).toBe(1));
    await eventually(() => expect(news.slice(before)).toStrictEqual([undefined, undefined]));
    await asksAndIsQueued(store);
    await store.release(holder, WITHIN);
    await eventually(() => expect(news.at(-1)).toMatchObject({ owner: waiter.owner }));
  });

  it('is given up when it goes silent', async () => {
    const proxy = await TcpProxy.start(server.port);
    const silent = new Redis(proxy.port, '127.0.0.1', { lazyConnect: true, autoResubscribe: false });
    jest.spyOn(RedisConnection.prototype, 'openSubscriber').mockReturnValue(silent);
    const { store } = await storeWithWaiter();

    proxy.drop('toClient');

    await eventually(async () =>
      expect(await store.acquire(waiter, WITHIN)).toMatchObject({ queued: false }),
    );
    proxy.heal();
    await asksAndIsQueued(store);
  });

  it('subscribes once, however many calls begin to wait before the reply', async () => {
    const listener = new Redis(server.port, '127.0.0.1', { lazyConnect: true, autoResubscribe: false });
    jest.spyOn(RedisConnection.prototype, 'openSubscriber').mockReturnValue(listener);
    const subscribe = jest.spyOn(listener, 'subscribe').mockReturnValue(new Promise(() => {}));
    const { store } = await openStore(server.url);
    await store.acquire(holder, WITHIN);
    store.queue.watch('lock', () => {});
    await store.acquire(waiter, WITHIN);
    await eventually(() => listener.status === 'ready');

    for (let i = 0; i < 3; i++) expect(await store.acquire(waiter, WITHIN)).toMatchObject({ queued: false });

    expect(subscribe).toHaveBeenCalledTimes(1);
  });
});

describe('the queue of a lock', () => {
  it('expires when nobody asks any more', async () => {
    await storeWithWaiter();

    const left = await client.pttl(QUEUE);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(WAITER_RETENTION);
  });

  it('loses its dead waiters even while living ones keep asking', async () => {
    const { store } = await storeWithWaiter();
    for (let i = 0; i < 20; i++) {
      await client.zadd(QUEUE, i, ['owner', 'PUBLISH', `locks:inbox:dead-${i}`, 30_000, '}'].join('\n'));
    }

    await eventually(async () => {
      await asksAndIsQueued(store);
      expect(await store.inspect('lock', WITHIN)).toMatchObject({ waiters: 1 });
    });
  });
});
