import { jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisConnection } from '../../../lib/stores/redis/redis-connection.js';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeEverything, openStore, wanted, WITHIN } from './support/redis-stores.js';

describe('a waiter that listens to a server that is no longer a primary', () => {
  let master: RedisServer;
  let replica: RedisServer;
  let listener: Redis;

  beforeEach(async () => {
    [master, replica] = await Promise.all([RedisServer.start(), RedisServer.start()]);
    await replica.client().replicaof('127.0.0.1', master.port);
    await eventually(async () =>
      (await replica.client().info('replication')).includes('master_link_status:up'),
    );
    listener = new Redis(replica.port, '127.0.0.1', { lazyConnect: true });
  });
  afterEach(async () => {
    listener.disconnect();
    jest.restoreAllMocks();
    await closeEverything();
  });

  it('gets no message when it is passed over, although messages also reach the listeners of replicas', async () => {
    const { store } = await openStore(master.url);
    const holder = wanted();
    await store.acquire(holder, WITHIN);
    const heard: string[] = [];
    listener.on('message', (_, message: string) => heard.push(message));
    await listener.subscribe('locks:inbox:there');
    const waiter = ['owner', 'PUBLISH', 'locks:inbox:there', 30_000, '}'].join('\n');
    await master.client().zadd('{locks:lock}:queue', 1, waiter);

    await store.release(holder, WITHIN);
    await master.client().publish('locks:inbox:there', 'the end');

    await eventually(() => heard.length > 0);
    expect(heard).toEqual(['the end']);
    expect(await store.inspect('lock', WITHIN)).toBeNull();
  });

  it('is not queued, and reconnects', async () => {
    jest.spyOn(RedisConnection.prototype, 'openSubscriber').mockReturnValue(listener);
    const { store } = await openStore(master.url);
    const waiter = { ...wanted(), waited: 0 };
    await store.acquire(wanted(), WITHIN);
    store.queue.watch('lock', () => {});
    let subscriptions = 0;
    // The store begins to listen, and does so again after it has connected anew.
    const subscribe = listener.subscribe.bind(listener);
    jest.spyOn(listener, 'subscribe').mockImplementation(((channel: string) => {
      subscriptions++;
      return subscribe(channel);
    }) as never);

    await eventually(async () => {
      expect(await store.acquire(waiter, WITHIN)).toMatchObject({ status: 'busy', queued: false });
      return subscriptions > 1;
    });

    expect(await master.client().exists('{locks:lock}:queue')).toBe(0);
  });
});
