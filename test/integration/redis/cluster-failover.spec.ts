import { setTimeout as sleep } from 'node:timers/promises';
import type { LockManager } from '../../../lib/core/lock-manager.js';
import type { HeldLease } from '../../../lib/core/held-lease.js';
import { eventually } from '../../support/eventually.js';
import { HANG } from '../../support/hang.js';
import type { RedisServer } from '../../support/redis/redis-server.js';
import { startCluster, startReplicaOf, type TestCluster } from './support/cluster.js';
import { closeEverything, openManager } from './support/redis-stores.js';

const QUICK = { ttl: 6000, renewEvery: 500 };

describe('two replicas that share a lock in a Redis cluster', () => {
  let cluster: TestCluster;
  let primary: RedisServer;
  let replica: RedisServer;
  beforeEach(async () => {
    cluster = await startCluster();
    const owner = await cluster.ownerOf(await cluster.slotOf('locks:shared'));
    primary = cluster.servers[owner];
    replica = await startReplicaOf(cluster, owner);
  }, HANG);
  afterEach(closeEverything);

  it.each([['FAILOVER'], ['FAILOVER FORCE'], ['FAILOVER TAKEOVER']])(
    'never both hold it after a %s of its node: the old primary refuses at once',
    async (command) => {
      const { manager: holder } = await openManager({ cluster: cluster.nodes }, 1000, QUICK);
      const { manager: newcomer } = await openManager({ cluster: cluster.nodes }, 1000, QUICK);
      const lease = await acquired(holder);
      await eventually(async () => (await replica.client().cluster('COUNTKEYSINSLOT', await slot())) > 0);

      await replica.client().call('CLUSTER', ...command.split(' '));
      let both = 0;
      await eventually(async () => {
        both += await bothHold(lease, newcomer);
        return (await roleOf(replica)) === 'master' && (await roleOf(primary)) === 'slave';
      });
      // Longer than a lease that is not renewed at the new primary lives there.
      const until = performance.now() + 1.5 * QUICK.ttl;
      while (performance.now() < until) both += await bothHold(lease, newcomer);

      expect(both).toBe(0);
      expect(lease.held).toBe(true);
    },
  );

  const slot = (): Promise<number> => cluster.slotOf('locks:shared');
});

async function acquired(manager: LockManager): Promise<HeldLease> {
  const acquisition = await manager.tryAcquire('shared', {});
  if (acquisition.status !== 'acquired') throw new Error(acquisition.reason);
  return acquisition.lease;
}

/** 1 if the newcomer has got the lock, which it releases at once, while the lease is held. */
async function bothHold(lease: HeldLease, newcomer: LockManager): Promise<number> {
  const other = await newcomer.tryAcquire('shared', {});
  if (other.status === 'acquired') {
    const both = lease.held && other.lease.held;
    await other.lease.release();
    return Number(both);
  }
  await sleep(50);
  return 0;
}

async function roleOf(server: RedisServer): Promise<unknown> {
  const [role] = (await server.client().call('ROLE')) as unknown[];
  return role;
}
