import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeEverything, openStore, wanted, WITHIN, ownerIn } from './support/redis-stores.js';
import { problemOfRedisUrl } from '../../../lib/stores/redis/redis-url.js';

afterEach(closeEverything);

describe('a Redis URL', () => {
  it('names the database', async () => {
    const server = await RedisServer.start();
    const { store } = await openStore(`${server.url}/3`);
    const mine = wanted();
    await store.acquire(mine, WITHIN);

    const client = server.client();
    expect(await client.get('locks:lock')).toBeNull();
    await client.select(3);
    expect(await ownerIn(client, 'locks:lock')).toBe(mine.owner);
    expect(store.description).toBe(`redis://127.0.0.1:${server.port}/3`);
  });

  it('carries user and password, percent-encoded', async () => {
    const server = await RedisServer.start();
    const [user, password] = ['us:er', 'p@ss/w%rd#?'];
    await server.client().acl('SETUSER', user, 'on', `>${password}`, '~*', '+@all');
    const { store, log } = await openStore(
      `redis://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${server.port}`,
    );
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    expect(log.all).toBe('');
    expect(store.description).toBe(`redis://127.0.0.1:${server.port}/0`);
  });

  it('carries a password alone', async () => {
    const server = await RedisServer.start();
    await server.client().config('SET', 'requirepass', 'only-a-password');
    const { store } = await openStore(`redis://:only-a-password@127.0.0.1:${server.port}`);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
  });

  it('is refused if its password is not percent-encoded, and the error does not repeat it', () => {
    for (const url of ['redis://user:100%sure@127.0.0.1:1', 'redis://user:100sure/x@127.0.0.1:1']) {
      expect(problemOfRedisUrl(url)).toEqual(expect.not.stringContaining('sure'));
    }
  });

  it('may be the path of a Unix socket, with a database', async () => {
    const path = join(mkdtempSync(join(process.env.TEST_RUN_FOLDER ?? tmpdir(), 'unix-')), 'redis.sock');
    const server = await RedisServer.start({ args: ['--unixsocket', path] });
    const { store } = await openStore(`${path}?db=2`);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    await server.client().client('KILL', 'TYPE', 'normal');
    expect(await store.acquire(wanted('another'), WITHIN)).toMatchObject({ status: 'granted' });
    expect(await server.client().info('keyspace')).toContain('db2:keys=4');
  });

  it('cannot switch off what makes the connection safe', async () => {
    const server = await RedisServer.start();
    const { store } = await openStore(
      `${server.url}?keyPrefix=app:&enableOfflineQueue=true&stringNumbers=true`,
    );
    const mine = wanted();
    await store.acquire(mine, WITHIN);
    expect(await ownerIn(server.client(), 'app:locks:lock')).toBe(mine.owner);
  });
});

describe('ioredis options', () => {
  it('give host, port, database and key prefix', async () => {
    const server = await RedisServer.start();
    const options = { host: '127.0.0.1', port: server.port, db: 5, keyPrefix: 'app:' };
    const { store } = await openStore(options);
    const mine = wanted();
    await store.acquire(mine, WITHIN);

    const client = server.client();
    await client.select(5);
    expect(await ownerIn(client, 'app:locks:lock')).toBe(mine.owner);
    expect(await client.exists('{app:locks:lock}:token')).toBe(1);
    expect(options).toEqual({ host: '127.0.0.1', port: server.port, db: 5, keyPrefix: 'app:' });
  });

  it('cannot switch off what makes the connection safe', async () => {
    const server = await RedisServer.start();
    const { store, log } = await openStore({
      port: server.port,
      host: '127.0.0.1',
      enableOfflineQueue: true,
      autoResendUnfulfilledCommands: true,
      maxRetriesPerRequest: null,
      retryStrategy: null,
      commandTimeout: 1,
      stringNumbers: true,
      lazyConnect: false,
      readOnly: true,
    });
    await server.kill();
    await eventually(() => log.errors.length === 1);
    await expect(store.acquire(wanted(), 200)).rejects.toMatchObject({
      code: 'LOCK_STORE',
      mayHaveRun: false,
    });
    await server.restart();
    const { owner } = wanted();
    const reply = await store.acquire({ ...wanted(), owner }, 3000);
    expect(reply).toMatchObject({ status: 'granted', fencingToken: expect.any(Number) });
  });
});
