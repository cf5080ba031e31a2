import { Redis } from 'ioredis';
import { Redis as Redis6 } from 'ioredis-6';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { MINIMAL_ACL } from './support/acl.js';
import { CapturedLog, closeEverything, openStore, untilGranted, wanted } from './support/redis-stores.js';

afterEach(closeEverything);

// ioredis reports the refusal, and goes on in database 0: there the lock would be free.
describe('a database that the server refuses', () => {
  it.each([
    ['by a URL', ({ url }: RedisServer) => `${url}/99`],
    ['by a client of ioredis 5', ({ port }: RedisServer) => new Redis(port, { db: 99, lazyConnect: true })],
    ['by a client of ioredis 6', ({ port }: RedisServer) => new Redis6(port, { db: 99, lazyConnect: true })],
  ])('%s is an outage, logged in one line, and no lock is in another database', async (_, connectionTo) => {
    const server = await RedisServer.start();

    const { store, log } = await openStore(connectionTo(server));

    for (let i = 0; i < 3; i++) {
      const call = store.acquire(wanted(), 300);
      await expect(call).rejects.toMatchObject({ code: 'LOCK_STORE', mayHaveRun: false });
      await expect(call).rejects.toThrow('DB index is out of range');
    }
    expectOneOutage(log);
    expect(await server.client().info('keyspace')).not.toContain('db');
  });

  it('is requested again once a second, even by a client that is ready for a moment', async () => {
    const server = await RedisServer.start();
    const { log } = await openStore({
      host: '127.0.0.1',
      port: server.port,
      db: 99,
      disableClientInfo: true,
    });
    const admin = server.client();
    const connections = async (): Promise<number> =>
      Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1]);
    const [before, since] = [await connections(), performance.now()];

    await eventually(async () => (await connections()) >= before + 3, { every: 200 });

    expect(performance.now() - since).toBeGreaterThan(1000);
    expectOneOutage(log);
  });

  it('can be used as soon as the ACL user may select it', async () => {
    const server = await RedisServer.start();
    const admin = server.client();
    await admin.acl('SETUSER', 'locker', 'on', '>secret', ...MINIMAL_ACL);
    const { store, log } = await openStore(`redis://locker:secret@127.0.0.1:${server.port}/3`);
    await expect(store.acquire(wanted(), 300)).rejects.toThrow('NOPERM');
    expectOneOutage(log);

    await admin.acl('SETUSER', 'locker', '+select');

    await untilGranted(store, wanted());
    await eventually(() => expect(log.infos).toHaveLength(1));
    await admin.select(3);
    expect(await admin.exists('locks:lock')).toBe(1);
  });
});

function expectOneOutage(log: CapturedLog): void {
  expect(log.errors).toHaveLength(1);
  expect(log.infos).toEqual([]);
}
