import { Redis, type RedisOptions } from 'ioredis';
import { Redis as Redis6 } from 'ioredis-6';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeEverything, openStore, wanted, WITHIN, ownerIn } from './support/redis-stores.js';

describe('a client that was given', () => {
  const clients: Redis[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) if (client.status !== 'end') client.disconnect();
    await closeEverything();
  });

  it('may be from another version of ioredis than the installed one', async () => {
    const server = await RedisServer.start();
    const client = new Redis6(server.port, '127.0.0.1');
    const { store } = await openStore(client);
    client.disconnect();
    const mine = wanted();
    expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'granted' });
    expect(await store.renew([mine], WITHIN)).toEqual(['held']);
    expect(await store.release(mine, WITHIN)).toBe('held');
  });

  it.each<[string, RedisOptions]>([
    ['plain', {}],
    ['with an offline queue and endless retries', { enableOfflineQueue: true, maxRetriesPerRequest: null }],
    ['with auto-pipelining', { enableAutoPipelining: true }],
    ['with numbers as strings', { stringNumbers: true }],
    ['without offline queue', { enableOfflineQueue: false }],
    ['with a command timeout', { commandTimeout: 100 }],
    ['without ready check', { enableReadyCheck: false }],
    ['with a name, a database and a prefix', { connectionName: 'theirs', db: 2, keyPrefix: 'app:' }],
  ])('%s is copied, and neither used, changed nor closed', async (_, options) => {
    const server = await RedisServer.start();
    const client = connected(server, options);
    await eventually(() => client.status === 'ready');
    const before = stateOf(client);

    const { store } = await openStore(client);
    const mine = wanted();
    expect(await store.acquire(mine, WITHIN)).toMatchObject({
      status: 'granted',
      fencingToken: expect.any(Number),
    });
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'busy', owner: mine.owner });
    expect(await store.renew([mine], WITHIN)).toEqual(['held']);
    // With the prefix and in the database that the client itself looks into.
    expect(await ownerIn(client, 'locks:lock')).toBe(mine.owner);
    expect((await store.inspect('lock', WITHIN))?.remaining).toBeGreaterThan(29_000);
    expect(await store.release(mine, WITHIN)).toBe('held');
    await store.close();

    expect(stateOf(client)).toEqual(before);
    expect(await client.ping()).toBe('PONG');
    expect(await client.set('a', '1')).toBe('OK');
  });

  it('is not connected when it is lazy', async () => {
    const server = await RedisServer.start();
    const client = connected(server, { lazyConnect: true });
    const before = stateOf(client);
    const { store } = await openStore(client);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    await store.close();
    expect(stateOf(client)).toEqual(before);
    expect(client.status).toBe('wait');
  });

  it('may have a subscription', async () => {
    const server = await RedisServer.start();
    const client = connected(server, {});
    await client.subscribe('news');
    const { store } = await openStore(client);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    await store.close();
    const heard = new Promise((resolve) => client.once('message', (_, text) => resolve(text)));
    await server.client().publish('news', 'still there');
    expect(await heard).toBe('still there');
  });

  it('may be closed by its owner without harm to the store', async () => {
    const server = await RedisServer.start();
    const client = connected(server, {});
    const { store } = await openStore(client);
    await client.quit();
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    await server.client().client('KILL', 'TYPE', 'normal');
    expect(await store.acquire(wanted('other'), WITHIN)).toMatchObject({ status: 'granted' });
  });

  function connected(server: RedisServer, options: RedisOptions): Redis {
    const client = new Redis({ host: '127.0.0.1', port: server.port, ...options });
    clients.push(client);
    return client;
  }
});

function stateOf(client: Redis): object {
  const listeners = client.eventNames().map((event) => [String(event), client.listenerCount(event)]);
  return { status: client.status, options: { ...client.options }, listeners: Object.fromEntries(listeners) };
}
