import { jest } from '@jest/globals';
import { Cluster } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { engineKnows } from '../../support/redis/engine.js';
import { ACL_TO_WAIT_IN_CLUSTER, MINIMAL_ACL, MINIMAL_ACL_OF_CLUSTER } from './support/acl.js';
import { startCluster, startReplicaOf, type TestCluster } from './support/cluster.js';
import { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { queueUp } from '../../../lib/testing/store-contract/queue-up.js';
import { closeEverything, openManager, openStore, wanted, WITHIN } from './support/redis-stores.js';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

const hasShardedMessages = await engineKnows('ssubscribe');

(hasShardedMessages ? describe : describe.skip)('the waiters for a lock in a Redis cluster', () => {
  let cluster: TestCluster;
  beforeEach(async () => {
    cluster = await startCluster();
  });
  afterEach(closeEverything);

  it('are queued on the node of the lock, get a message about their grant, and pass over dead waiters', async () => {
    const connection = { cluster: cluster.nodes };
    const [one, two, dead] = await Promise.all([1, 2, 3].map(() => openStore(connection)));
    const holders = NAMES.map((name) => wanted(name));
    for (const holder of holders) await one.store.acquire(holder, WITHIN);
    for (const name of NAMES) await queueUp(dead.store, { ...wanted(name), waited: 60_000 });
    const waiters = await Promise.all(NAMES.map((name) => queueUp(two.store, wanted(name))));
    const slots = await Promise.all(NAMES.map((name) => cluster.slotOf(`locks:${name}`)));
    const owners = await Promise.all(slots.map((slot) => cluster.ownerOf(slot)));
    expect(new Set(owners).size).toBe(3);
    expect(await one.store.inspect('a', WITHIN)).toMatchObject({ waiters: 2 });
    await dead.store.close();
    await eventually(async () => {
      // The nodes notice that the listeners are gone.
      const counts = await Promise.all(
        cluster.servers.map(async (server) => await server.client().call('PUBSUB', 'SHARDCHANNELS')),
      );
      return (counts as string[][]).flat().length === NAMES.length;
    });

    for (const holder of holders) expect(await one.store.release(holder, WITHIN)).toBe('held');

    await eventually(() => waiters.every(({ notified }) => notified > 0));
    // The dead, who came first, might have just connected anew, and have half a second for that.
    for (const { request } of waiters)
      await eventually(async () => (await two.store.acquire(request, WITHIN)).status === 'granted');
  });

  it('listen on connections that are checked with PING like all others', async () => {
    const { store } = await openStore({ cluster: cluster.nodes });
    await store.acquire(wanted('a'), WITHIN);
    const { request } = await queueUp(store, wanted('a'));
    const owner = cluster.servers[await cluster.ownerOf(await cluster.slotOf('locks:a'))];
    await eventually(async () => {
      await store.acquire(request, WITHIN);
      const list = String(await owner.client().call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
      expect(list).toMatch(/ ssub=1 .* cmd=ping /);
    });
  });

  it('get the message even if ioredis did not know the node of the lock at first', async () => {
    // As it does where the slots that it was told of have a gap: rare, and not to be had on demand.
    const subscribe = jest.spyOn(Cluster.prototype, 'ssubscribe').mockImplementationOnce(() => {
      throw new TypeError("Cannot read properties of undefined (reading '0')");
    });
    const { store } = await openStore({ cluster: cluster.nodes });
    const holder = wanted('a');
    await store.acquire(holder, WITHIN);
    const waiter = await queueUp(store, wanted('a'));
    await store.release(holder, WITHIN);
    await eventually(() => waiter.notified > 0);
    expect(subscribe.mock.calls.length).toBeGreaterThan(1);
    subscribe.mockRestore();
  });

  it('get the lock after a failover to a replica that knows of no listeners', async () => {
    const connection = { cluster: cluster.nodes };
    const [{ manager: one }, { manager: two }] = [
      await openManager(connection),
      await openManager(connection),
    ];
    const owner = await cluster.ownerOf(await cluster.slotOf('locks:a'));
    const replica = await startReplicaOf(cluster, owner);
    const first = await one.tryAcquire('a', {});
    const waiting = two.tryAcquire('a', { wait: 60_000 });
    await eventually(async () => (await one.inspect('a'))?.waiters === 1);

    await replica.client().call('CLUSTER', 'FAILOVER');
    await eventually(async () => ((await replica.client().call('ROLE')) as unknown[])[0] === 'master');
    if (first.status === 'acquired') await first.lease.release();

    const second = await waiting;
    if (first.status !== 'acquired' || second.status !== 'acquired') throw new Error('skipped');
    expect(second.lease.fencingToken).toBeGreaterThan(first.lease.fencingToken);
    expect(first.lease.lossReason).toBe('released');
    expect(await one.inspect('a')).toMatchObject({ fencingToken: second.lease.fencingToken, waiters: 0 });
  });

  it('need few more permissions for an ACL user', async () => {
    const rules = [...MINIMAL_ACL, ...MINIMAL_ACL_OF_CLUSTER, ...ACL_TO_WAIT_IN_CLUSTER];
    for (const server of cluster.servers)
      await server.client().acl('SETUSER', 'locker', 'on', '>secret', 'resetchannels', ...rules);
    const redisOptions = { username: 'locker', password: 'secret' };
    const { store, log } = await openStore({ cluster: cluster.nodes, options: { redisOptions } });
    const holder = wanted('a');
    await store.acquire(holder, WITHIN);
    const waiter = await queueUp(store, wanted('a'));
    await store.release(holder, WITHIN);
    await eventually(() => waiter.notified > 0);
    expect(log.all).toBe('');
    for (const server of cluster.servers) expect(await server.client().acl('LOG')).toEqual([]);
  });
});

describe('the waiters for a lock in a cluster without sharded messages, as of Redis 6 and KeyDB', () => {
  afterEach(() => jest.restoreAllMocks());
  afterEach(closeEverything);

  it('poll, and one warning says what that costs', async () => {
    const args = hasShardedMessages ? ['--rename-command', 'SSUBSCRIBE', ''] : [];
    const connection = { cluster: (await startCluster({ args })).nodes };
    const [{ manager: one }, { manager: two, log }] = [
      await openManager(connection),
      await openManager(connection),
    ];
    const first = await one.tryAcquire('a', {});
    const waiting = two.tryAcquire('a', { wait: 60_000 });
    await eventually(() => log.warnings.length > 0);
    const subscribe = jest.spyOn(Cluster.prototype, 'ssubscribe');
    const tries = jest.spyOn(RedisLockStore.prototype, 'acquire');
    await eventually(() => tries.mock.calls.length > 10);

    if (first.status !== 'acquired') throw new Error('skipped');
    await first.lease.release();

    expect(await waiting).toMatchObject({ status: 'acquired' });
    expect(subscribe).not.toHaveBeenCalled();
    expect(log.warnings).toHaveLength(1);
    expect(log.warnings[0]).toMatch(/ask ten times a second and keep no order.* SSUBSCRIBE/);
  });
});
