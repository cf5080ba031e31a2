import { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import {
  closeEverything,
  openManager,
  openStore,
  timed,
  untilGranted,
  wanted,
  WITHIN,
} from './support/redis-stores.js';
import { MASTER_NAME, startSentinel, type Sentinel } from './support/sentinel.js';

describe('a primary behind sentinels', () => {
  let master: RedisServer;
  let replica: RedisServer;
  let sentinel: Sentinel;

  beforeEach(async () => {
    master = await RedisServer.start();
    replica = await RedisServer.start({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
    const client = master.client();
    await eventually(async () => (await client.info('replication')).includes('state=online'));
    sentinel = await startSentinel(master.port);
    // It asks the master about replicas every ten seconds, and the replica about its link more often.
    await eventually(async () => (await sentinel.replicas()).includes('master-link-status,ok'));
  });
  afterEach(async () => {
    await closeEverything();
    await sentinel.close();
  });

  it('is found, and so is its successor after a failover', async () => {
    const { manager, log } = await openManager(options());
    expect(await manager.tryAcquire('first', {})).toMatchObject({ status: 'acquired' });
    expect(await master.client().exists('locks:first')).toBe(1);

    await master.kill();
    await eventually(async () => (await manager.tryAcquire('second', {})).status === 'acquired');
    expect(await replica.client().exists('locks:second')).toBe(1);
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
    expect(log.errors[0]).toContain(`sentinel master ${MASTER_NAME}`);
  });

  it('is replaced by its successor if it was demoted without being cut off', async () => {
    const { store } = await openStore(options());
    await store.acquire(wanted('first'), WITHIN);
    await sentinel.client.call('SENTINEL', 'FAILOVER', MASTER_NAME);
    const leader = (): Promise<unknown> =>
      sentinel.client.call('SENTINEL', 'get-master-addr-by-name', MASTER_NAME);
    await eventually(async () => String(await leader()).endsWith(`,${replica.port}`));
    // Sentinel tells the old master some ten seconds later; until then it grants locks too.
    await master.client().replicaof('127.0.0.1', replica.port);
    await untilGranted(store, wanted('second'));
    expect(await replica.client().exists('locks:second')).toBe(1);
  });

  it('is copied from a given client, even one that reads from replicas', async () => {
    const client = new Redis({ ...options(), role: 'slave' });
    client.on('error', () => undefined);
    const before = { ...client.options };
    const { store } = await openStore(client);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    await store.close();
    expect(client.options).toEqual(before);
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  it('delays the start only a little if the sentinel is silent', async () => {
    sentinel.pause();
    const opening = await timed(() => openStore(options()));
    expect(opening.ms).toBeLessThan(2300);
    const { store, log } = opening.value!;
    expect((await timed(() => store.acquire(wanted(), 300))).error).toMatchObject({ mayHaveRun: false });
    sentinel.resume();
    expect(await store.acquire(wanted(), 4000)).toMatchObject({ status: 'granted' });
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
  });

  it('is reported in one error line if no sentinel is there at start', async () => {
    await sentinel.close();
    const { store, log } = await openStore(options());
    for (let i = 0; i < 3; i++) await timed(() => store.acquire(wanted(), 300));
    expect(log.errors).toHaveLength(1);
    expect(log.errors[0]).toContain('sentinels are unreachable');
  });

  function options() {
    return { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: MASTER_NAME };
  }
});
