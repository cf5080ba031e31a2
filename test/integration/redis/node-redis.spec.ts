import type { LookupFunction } from 'node:net';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { createClient, createCluster } from 'redis';
import { createClient as createClient4 } from 'redis-4';
import { createClient as createClient5, createCluster as createCluster5 } from 'redis-5';
import { queueUp } from '../../../lib/testing/store-contract/queue-up.js';
import { checkRedis } from '../../../lib/stores/redis/check-redis.js';
import type { RedisConnectionOptions } from '../../../lib/stores/redis/redis-connection-options.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { engineKnows } from '../../support/redis/engine.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { makeCertificates } from './support/certificates.js';
import { startCluster, startLoneNode } from './support/cluster.js';
import { closeEverything, openStore, ownerIn, untilGranted, wanted, WITHIN } from './support/redis-stores.js';

afterEach(closeEverything);

describe.each([
  [4, createClient4 as unknown as typeof createClient],
  [5, createClient5 as unknown as typeof createClient],
  [6, createClient],
])('a client of node-redis %i', (_, create) => {
  it('is copied, and neither connected nor changed', async () => {
    const server = await RedisServer.start();
    const client = create({ url: `redis://127.0.0.1:${server.port}` });
    const listeners = listenersOf(client);
    const { store, log } = await openStore(client);
    const mine = wanted();
    expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'granted' });
    expect(await store.renew([mine], WITHIN)).toEqual(['held']);
    expect(await store.release(mine, WITHIN)).toBe('held');
    expect(store.description).toBe(`redis://127.0.0.1:${server.port}/0`);
    await store.close();
    expect(client.isOpen).toBe(false);
    expect(listenersOf(client)).toEqual(listeners);
    expect(log.all).toBe('');
  });

  it('stays connected when the store closes, and may be closed before it', async () => {
    const server = await RedisServer.start();
    const client = await create({ socket: { host: '127.0.0.1', port: server.port } }).connect();
    const { store: first } = await openStore(client);
    const { store: second } = await openStore(client);
    expect(await first.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    await first.close();
    expect(await client.ping()).toBe('PONG');
    await client.quit();
    expect(await second.acquire(wanted('other'), WITHIN)).toMatchObject({ status: 'granted' });
  });

  it('gives its user, password, database and name, from a URL or beside it', async () => {
    const server = await RedisServer.start();
    const admin = server.client();
    await admin.acl('SETUSER', 'locker', 'on', '>p@ss/word', '~*', '&*', '+@all');
    const address = `127.0.0.1:${server.port}`;
    const inUrl = create({ url: `redis://locker:p%40ss%2Fword@${address}/3`, name: 'theirs' });
    const beside = create({
      url: `redis://${address}`,
      username: 'locker',
      password: 'p@ss/word',
      database: 3,
    });
    await admin.select(3);
    const mine = wanted();
    const { store } = await openStore(inUrl);
    expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'granted' });
    expect(await ownerIn(admin, 'locks:lock')).toBe(mine.owner);
    expect(await admin.client('LIST')).toMatch(/ name=theirs .* user=locker /);
    const { store: other } = await openStore(beside);
    expect(await other.acquire(wanted(), WITHIN)).toMatchObject({ status: 'busy', owner: mine.owner });
  });

  it('gives the options of its TLS connection', async () => {
    const { ca, caFile, certFile, keyFile } = makeCertificates();
    const port = await freePort();
    const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', caFile];
    await RedisServer.start({ args: ['--tls-port', String(port), '--tls-auth-clients', 'no', ...files] });
    const client = create({ socket: { host: '127.0.0.1', port, tls: true, ca } });
    const { store } = await openStore(client);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    expect(store.description).toBe(`rediss://127.0.0.1:${port}/0`);
  });

  it('gives with TLS how it looks up names, and what it thinks of certificates', async () => {
    const { ca, certFile, keyFile, caFile } = makeCertificates();
    const port = await freePort();
    const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', caFile];
    await RedisServer.start({ args: ['--tls-port', String(port), '--tls-auth-clients', 'no', ...files] });
    const lookup = ((_name, _options, found) =>
      found(null, [{ address: '127.0.0.1', family: 4 }])) as LookupFunction;
    const checkServerIdentity = jest.fn(() => undefined);
    const client = create({
      socket: { host: 'cache.test', port, tls: true, ca, lookup, checkServerIdentity },
    });
    const { store } = await openStore(client);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    expect(checkServerIdentity).toHaveBeenCalledWith('cache.test', expect.anything());
  });

  it('gives the path of its Unix socket', async () => {
    const path = join(process.env.TEST_RUN_FOLDER ?? '/tmp', `socket-${await freePort()}`);
    await RedisServer.start({ args: ['--unixsocket', path] });
    const { store } = await openStore(create({ socket: { path, tls: false } }));
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    expect(store.description).toBe(path);
  });

  it('is not needed to reconnect, whatever its strategy', async () => {
    const server = await RedisServer.start();
    const client = create({ socket: { host: '127.0.0.1', port: server.port, reconnectStrategy: false } });
    const { store } = await openStore(client);
    await server.restart();
    await untilGranted(store, wanted());
  });
});

// The array is typed: this also checks that the option takes their types.
it.each<RedisConnectionOptions>([
  createClient4(),
  createClient5(),
  createClient(),
  createCluster5({ rootNodes: [{}] }),
  createCluster({ rootNodes: [{}] }),
])('a client of the default address is accepted: %#', (client) => {
  expect(() => checkRedis(client as object)).not.toThrow();
});

it('a key prefix of node-redis 6 is before that of the locks', async () => {
  const server = await RedisServer.start();
  const { store } = await openStore(createClient({ url: server.url, keyPrefix: 'app:' }));
  const mine = wanted();
  await store.acquire(mine, WITHIN);
  expect(await ownerIn(server.client(), 'app:locks:lock')).toBe(mine.owner);
});

/** Both forms of the map of addresses. */
const mapped = {
  asTable: (key: string, to: Address) => ({ [key]: to }),
  byFunction: (key: string, to: Address) => (at: string) => (at === key ? to : undefined),
};

describe.each([
  [5, createCluster5 as unknown as typeof createCluster, mapped.asTable],
  [6, createCluster, mapped.byFunction],
])('a cluster client of node-redis %i', (_, create, mapOf) => {
  it('gives its nodes, by which all others are found', async () => {
    const cluster = await startCluster();
    const [{ port }, second] = cluster.nodes;
    const client = create({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }, { socket: second }] });
    const { store, log } = await openStore(client);
    const requests = Array.from({ length: 30 }, (_none, i) => wanted(`lock-${i}`));
    for (const request of requests)
      expect(await store.acquire(request, WITHIN)).toMatchObject({ status: 'granted' });
    for (const server of cluster.servers) expect(await server.client().dbsize()).toBeGreaterThan(0);
    expect(await store.renew(requests, WITHIN)).toEqual(requests.map(() => 'held'));
    expect(client.isOpen).toBe(false);
    expect(log.all).toBe('');
  });

  it('gives what its nodes have in common, and where they are reached from here', async () => {
    const node = await startLoneNode({ args: ['--cluster-announce-ip', '192.0.2.1'] });
    await node.client().acl('SETUSER', 'locker', 'on', '>secret', '~*', '&*', '+@all');
    const reached = { host: '127.0.0.1', port: node.port };
    const client = create({
      rootNodes: [{ url: `redis://locker:secret@127.0.0.1:${node.port}` }],
      defaults: { username: 'locker', password: 'secret', name: 'theirs' },
      nodeAddressMap: mapOf(`192.0.2.1:${node.port}`, reached),
    });
    const { store } = await openStore(client);
    const mine = wanted();
    expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'granted' });
    expect(await node.client().client('LIST')).toMatch(/ name=theirs .* user=locker /);
    if (!(await engineKnows('ssubscribe'))) return;
    const waiter = await queueUp(store, wanted());
    expect(await store.release(mine, WITHIN)).toBe('held');
    await eventually(() => waiter.notified > 0);
  });
});

interface Address {
  host: string;
  port: number;
}

function listenersOf(emitter: NodeJS.EventEmitter): object {
  const counts = emitter.eventNames().map((event) => [String(event), emitter.listenerCount(event)]);
  return Object.fromEntries(counts) as object;
}
