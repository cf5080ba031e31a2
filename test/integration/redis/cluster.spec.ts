import { Cluster } from 'ioredis';
import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { MINIMAL_ACL, MINIMAL_ACL_OF_CLUSTER } from './support/acl.js';
import { startCluster, type TestCluster } from './support/cluster.js';
import {
  closeEverything,
  openManager,
  openStore,
  repeatedly,
  SLACK,
  timed,
  untilGranted,
  tokenOf,
  wanted,
  WITHIN,
  ownerIn,
} from './support/redis-stores.js';

describe('a Redis cluster', () => {
  let cluster: TestCluster;
  beforeEach(async () => {
    cluster = await startCluster();
  });
  afterEach(closeEverything);

  it('holds locks on all its nodes, with their state in the same slot', async () => {
    const { store, log } = await openStore({ cluster: cluster.nodes });
    const requests = Array.from({ length: 100 }, (_, i) => wanted(`lock-${i}`));
    for (const reply of await Promise.all(requests.map((request) => store.acquire(request, WITHIN)))) {
      expect(reply).toMatchObject({ status: 'granted' });
    }
    for (const server of cluster.servers) expect(await server.client().dbsize()).toBeGreaterThan(20);
    expect(await store.renew(requests, 3000)).toEqual(requests.map(() => 'held'));
    for (const request of requests) expect(await store.release(request, WITHIN)).toBe('held');
    expect(log.all).toBe('');
  });

  it('lists the locks of all its nodes', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `job:${name}`);
    const { store } = await openStore({ cluster: cluster.nodes });
    for (const name of names) await store.acquire(wanted(name), WITHIN);
    await store.acquire(wanted('other'), WITHIN);
    const listed: string[] = [];
    for await (const { name } of store.admin.list('job:', WITHIN)) listed.push(name);
    expect(listed.toSorted()).toEqual(names);
  });

  it('can be given as one node, and as URLs', async () => {
    const { store } = await openStore({ cluster: [`redis://127.0.0.1:${cluster.nodes[0].port}`] });
    for (let i = 0; i < 10; i++) {
      expect(await store.acquire(wanted(`lock-${i}`), WITHIN)).toMatchObject({ status: 'granted' });
    }
  });

  it('needs few more permissions for an ACL user', async () => {
    for (const server of cluster.servers) {
      const rules = [...MINIMAL_ACL, ...MINIMAL_ACL_OF_CLUSTER];
      await server.client().acl('SETUSER', 'locker', 'on', '>secret', ...rules);
    }
    const redisOptions = { username: 'locker', password: 'secret' };
    const { store, log } = await openStore({ cluster: cluster.nodes, options: { redisOptions } });
    const mine = wanted();
    expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'granted' });
    const slot = await cluster.slotOf('locks:lock');
    const from = await cluster.ownerOf(slot);
    await cluster.migrate(slot, from, (from + 1) % 3);
    expect(await store.renew([mine], WITHIN)).toEqual(['held']);
    expect(await store.release(mine, WITHIN)).toBe('held');
    expect(log.all).toBe('');
  });

  it.each([
    ['of the cluster', { keyPrefix: 'app:' }],
    ['of its nodes', { redisOptions: { keyPrefix: 'app:' } }],
  ])('is given the key prefix %s', async (_, options) => {
    const { store } = await openStore({ cluster: cluster.nodes, options });
    const mine = wanted();
    await store.acquire(mine, WITHIN);
    const client = new Cluster(cluster.nodes, options);
    expect(await ownerIn(client, 'locks:lock')).toBe(mine.owner);
    client.disconnect();
  });

  // Without auto-pipelining: ioredis itself cannot combine it with stringNumbers, which hide half of the slots from it.
  it('is copied from a given client, which is neither used, changed nor closed', async () => {
    const client = new Cluster(cluster.nodes, {
      enableOfflineQueue: true,
      scaleReads: 'slave',
      redisOptions: { stringNumbers: true, keyPrefix: 'app:' },
    });
    await client.ping();
    const before = stateOf(client);
    const { store } = await openStore(client);
    const mine = wanted();
    expect(await store.acquire(mine, WITHIN)).toMatchObject({
      status: 'granted',
      fencingToken: expect.any(Number),
    });
    expect(await ownerIn(client, 'locks:lock')).toBe(mine.owner);
    await store.close();
    expect(stateOf(client)).toEqual(before);
    expect(await client.set('a', '1')).toBe('OK');
    client.disconnect();
  });

  it('keeps the lock, its owner and its fencing token when their slot moves to another node', async () => {
    const { store, log } = await openStore({ cluster: cluster.nodes });
    const mine = wanted();
    const granted = await store.acquire(mine, WITHIN);
    const slot = await cluster.slotOf('locks:lock');
    const from = await cluster.ownerOf(slot);
    await cluster.migrate(slot, from, (from + 1) % 3);

    expect(await store.renew([mine], WITHIN)).toEqual(['held']);
    expect(await store.acquire(mine, WITHIN)).toMatchObject({
      status: 'granted',
      fencingToken: tokenOf(granted),
    });
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'busy' });
    expect(await store.release(mine, WITHIN)).toBe('held');
    expect(tokenOf(await store.acquire(wanted(), WITHIN))).toBeGreaterThan(tokenOf(granted));
    expect(log.all).toBe('');
  });

  it('answers every call while a slot moves back and forth', async () => {
    const { store } = await openStore({ cluster: cluster.nodes });
    const slot = await cluster.slotOf('locks:lock');
    const from = await cluster.ownerOf(slot);
    const calls = repeatedly(async () => {
      const mine = wanted();
      expect(await store.acquire(mine, 15_000)).toMatchObject({ status: 'granted' });
      expect(await store.release(mine, 15_000)).toBe('held');
    });
    for (let i = 0; i < 4; i++) {
      const [source, target] = i % 2 ? [(from + 1) % 3, from] : [from, (from + 1) % 3];
      await cluster.migrate(slot, source, target);
    }
    await calls.stop();
  });

  it('fails only the locks of a node that dies, in time, and grants them within seconds of its return', async () => {
    const { store } = await openStore({ cluster: cluster.nodes });
    const [dead, alive] = await twoNames(store);
    await cluster.servers[0].kill();
    const { error, ms } = await timed(() => store.acquire(wanted(dead), 400));
    expect(error).toMatchObject({ code: 'LOCK_STORE', cause: expect.any(Error) });
    expect(ms).toBeLessThan(400 + SLACK);
    expect(await store.acquire(wanted(alive), WITHIN)).toMatchObject({ status: 'granted' });
    await cluster.servers[0].restart();
    await untilGranted(store, wanted(dead));
  });

  it('fails only the locks of a node that is stopped, and grants them within seconds of its return', async () => {
    const { store } = await openStore({ cluster: cluster.nodes });
    const [dead, alive] = await twoNames(store);
    await cluster.servers[0].pause();
    for (let tick = 0; tick < 3; tick++) {
      const { error, ms } = await timed(() => store.acquire(wanted(dead), 400));
      expect(error).toMatchObject({ code: 'LOCK_STORE', cause: expect.any(Error) });
      expect(ms).toBeLessThan(400 + SLACK);
      const mine = wanted(alive);
      const other = await timed(() => store.acquire(mine, WITHIN));
      expect(other.value).toMatchObject({ status: 'granted' });
      expect(other.ms).toBeLessThan(200);
      await store.release(mine, WITHIN);
    }
    cluster.servers[0].resume();
    await eventually(async () => (await store.acquire(wanted(dead), WITHIN)).status !== 'done');
  });

  it('logs one error line when all nodes are away, and one line when they are back', async () => {
    const { manager, log } = await openManager({ cluster: cluster.nodes });
    expect(await manager.tryAcquire('before', {})).toMatchObject({ status: 'acquired' });
    await Promise.all(cluster.servers.map((server) => server.kill()));
    for (let tick = 0; tick < 4; tick++) {
      expect(await manager.tryAcquire('lock', {})).toMatchObject({ reason: 'store-unavailable' });
    }
    expect(log.errors).toHaveLength(1);
    expect(log.infos).toEqual([]);
    await Promise.all(cluster.servers.map((server) => server.restart()));
    await eventually(async () => (await manager.tryAcquire('lock', {})).status === 'acquired');
    // It comes back in pieces: a first node may answer before the lock's own does.
    expect(log.errors).toHaveLength(log.infos.length);
    expect(log.errors.length).toBeLessThanOrEqual(2);
  });

  it('does not keep the store from opening if it is away at start', async () => {
    await Promise.all(cluster.servers.map((server) => server.kill()));
    const opening = await timed(() => openStore({ cluster: cluster.nodes }));
    expect(opening.ms).toBeLessThan(2000 + SLACK);
    await Promise.all(cluster.servers.map((server) => server.restart()));
    const { store, log } = opening.value!;
    await untilGranted(store, wanted());
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
  });

  /** The names of a lock on the first node and of one on another; the server knows the scripts. */
  async function twoNames(store: RedisLockStore): Promise<[first: string, other: string]> {
    const names: (string | undefined)[] = [];
    for (let i = 0; !names[0] || !names[1]; i++) {
      const owner = await cluster.ownerOf(await cluster.slotOf(`locks:lock-${i}`));
      names[owner === 0 ? 0 : 1] ??= `lock-${i}`;
      const mine = wanted(`lock-${i}`);
      await store.acquire(mine, WITHIN);
      await store.release(mine, WITHIN);
    }
    return names as [string, string];
  }
});

function stateOf(client: Cluster): object {
  const listeners = client.eventNames().map((event) => [String(event), client.listenerCount(event)]);
  return { status: client.status, options: { ...client.options }, listeners: Object.fromEntries(listeners) };
}
