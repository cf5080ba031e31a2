import { resolveSettings } from '../../../lib/exclusive-lock.options.js';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { jest } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RedisConnectionOptions } from '../../../lib/stores/redis/redis-connection-options.js';
import { eventually } from '../../support/eventually.js';
import { portOf } from '../../support/free-port.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { queueUp } from '../../../lib/testing/store-contract/queue-up.js';
import { startLoneNode } from './support/cluster.js';
import { closeEverything, openStore, untilGranted, wanted, WITHIN } from './support/redis-stores.js';

const clients: Redis[] = [];
const proxies: Server[] = [];
afterEach(async () => {
  for (const proxy of proxies.splice(0)) proxy.close();
  for (const one of clients.splice(0)) one.disconnect();
  await closeEverything();
});

describe('options of ioredis that locks do not depend on', () => {
  it.each<[string, (port: number) => RedisConnectionOptions]>([
    ['options', (port) => ({ host: '127.0.0.1', port, enableReadyCheck: false })],
    ['a URL', (port) => `redis://127.0.0.1:${port}?enableReadyCheck=false`],
    ['a client', (port) => client(port, { enableReadyCheck: false })],
  ])('are honoured in %s: without a ready check the server need not know INFO', async (_, connection) => {
    const server = await RedisServer.start();
    const { store, log } = await openStore(connection(await withoutInfo(server.port)));
    const holder = wanted();
    expect(await store.acquire(holder, WITHIN)).toMatchObject({ status: 'granted' });
    const waiter = await queueUp(store, wanted());
    expect(await store.release(holder, WITHIN)).toBe('held');
    await eventually(() => waiter.notified > 0);
    expect(log.all).toBe('');
  });

  it('are honoured in a cluster', async () => {
    const node = await startLoneNode();
    const to = { host: '127.0.0.1', port: await withoutInfo(node.port) };
    const natMap = { [`127.0.0.1:${node.port}`]: to };
    const { store, log } = await openStore({
      cluster: [to],
      options: { natMap, redisOptions: { enableReadyCheck: false } },
    });
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    expect(log.all).toBe('');
  });

  it.each<[string, (port: number, options: object) => RedisConnectionOptions]>([
    ['options', (port, options) => ({ host: '127.0.0.1', port, ...options })],
    ['a client', (port, options) => client(port, options)],
  ])('set in %s when to reconnect', async (_, connection) => {
    const server = await RedisServer.start();
    const retryStrategy = jest.fn(() => 10);
    const { store } = await openStore(connection(server.port, { retryStrategy }));
    retryStrategy.mockClear();
    // Of the store alone: the client, if there is one, is not connected.
    await server.client().client('KILL', 'TYPE', 'normal');
    await untilGranted(store, wanted());
    expect(retryStrategy).toHaveBeenCalled();
  });

  it('that stop ioredis from reconnecting do not stop a store', async () => {
    const server = await RedisServer.start();
    const { store } = await openStore({ host: '127.0.0.1', port: server.port, retryStrategy: () => null });
    await server.kill();
    await server.restart();
    await untilGranted(store, wanted());
  });
});

describe('the name of a connection', () => {
  it('shows in CLIENT LIST that it is for locks, and of which process', async () => {
    const server = await RedisServer.start();
    const { store } = await openStore(server.url);
    await store.acquire(wanted(), WITHIN);
    await queueUp(store, wanted());
    const names = await clientNames(server);
    expect(names).toHaveLength(2);
    for (const name of names) expect(name).toMatch(new RegExp(`^exclusive-lock:.+:${process.pid}$`));
  });

  it('contains the name of the replica, as far as Redis allows', async () => {
    const server = await RedisServer.start();
    await openStore(server.url, 'Réplica 1');
    expect(await clientNames(server)).toEqual(['exclusive-lock:R-plica-1']);
  });

  it("is the user's choice if there is one", async () => {
    const server = await RedisServer.start();
    await openStore(client(server.port, { connectionName: 'theirs' }));
    await openStore(`${server.url}?connectionName=by-url`);
    expect((await clientNames(server)).toSorted()).toEqual(['by-url', 'theirs']);
  });
});

describe('a Redis that may evict locks', () => {
  const LIMITED = ['--maxmemory', '100mb'];

  it.each([
    ['alone', RedisServer.start.bind(RedisServer)],
    ['in a cluster', startLoneNode],
  ])('%s logs one warning, not one for each connection', async (where, start) => {
    const server = await start({ args: [...LIMITED, '--maxmemory-policy', 'allkeys-lru'] });
    const node = { host: '127.0.0.1', port: server.port };
    const { store, log } = await openStore(where === 'alone' ? node : { cluster: [node] });
    await eventually(() => expect(log.warnings).toHaveLength(1));
    expect(log.warnings[0]).toContain('maxmemory-policy allkeys-lru');

    await server.client().client('KILL', 'TYPE', 'normal');
    await untilGranted(store, wanted());
    await store.release(wanted(), WITHIN);
    expect(log.warnings).toHaveLength(1);
  });

  it.each([
    ['evicts nothing', [...LIMITED, '--maxmemory-policy', 'noeviction']],
    ['has no limit', ['--maxmemory-policy', 'allkeys-lru']],
  ])('does not include a Redis that %s', async (_, args) => {
    const server = await RedisServer.start({ args });
    const { store, log } = await openStore(server.url);
    await store.acquire(wanted(), WITHIN);
    await store.release(wanted(), WITHIN);
    expect(log.all).toBe('');
  });
});

/** One that is not connected. */
function client(port: number, options: object): Redis {
  const made = new Redis(port, '127.0.0.1', { lazyConnect: true, ...options });
  clients.push(made);
  return made;
}

/** The port of a proxy before the server, to which INFO is unknown, as it is to some. */
async function withoutInfo(port: number): Promise<number> {
  const proxy = createServer((socket) => {
    const server = connect(port, '127.0.0.1');
    for (const one of [socket, server]) one.on('error', () => socket.destroy());
    socket.on('close', () => server.destroy());
    socket.on('data', (bytes) => {
      server.write(bytes.toString('latin1').replace(/(\*1\r\n\$4\r\n)info/gi, '$1nope'), 'latin1');
    });
    server.pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  proxies.push(proxy);
  return portOf(proxy);
}

async function clientNames(server: RedisServer): Promise<string[]> {
  const list = String(await server.client().client('LIST'));
  return Array.from(list.matchAll(/ name=(\S+)/g), ([, name]) => name);
}

describe('a ttl that Redis would not accept', () => {
  it('is refused by forRoot()', () => {
    expect(() => resolveSettings({ redis: 'redis://127.0.0.1', ttl: 1000.5 })).toThrow(
      expect.objectContaining({
        code: 'LOCK_CONFIGURATION',
        message: 'ttl must be a whole number of milliseconds; got ttl = 1000.5.',
      }),
    );
    expect(resolveSettings({ redis: 'redis://127.0.0.1', ttl: 1000 })).toMatchObject({ ttl: 1000 });
  });
});
