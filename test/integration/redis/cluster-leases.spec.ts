import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import type { AcquireRequest } from '../../../lib/stores/lock-store.js';
import { eventually } from '../../support/eventually.js';
import { startCluster, type TestCluster } from './support/cluster.js';
import { closeEverything, openStore, SLACK, timed, wanted, WITHIN } from './support/redis-stores.js';

const STOPPED = 0;

describe('the leases of a Redis cluster', () => {
  let cluster: TestCluster;
  beforeEach(async () => {
    cluster = await startCluster();
  });
  afterEach(closeEverything);

  it('are renewed on nodes that answer while another node is stopped, whose leases get no reply', async () => {
    const { store } = await openStore({ cluster: cluster.nodes });
    const { leases, owners } = await leasesOnAllNodes(store);
    expect(await store.renew(leases, WITHIN)).toEqual(leases.map(() => 'held'));

    await cluster.servers[STOPPED].pause();
    for (let round = 0; round < 2; round++) {
      const { value, ms } = await timed(() => store.renew(leases, 400));
      expect(value).toEqual(owners.map((owner) => (owner === STOPPED ? undefined : 'held')));
      expect(ms).toBeLessThan(400 + SLACK);
    }

    cluster.servers[STOPPED].resume();
    await eventually(async () => expect(await store.renew(leases, WITHIN)).toEqual(leases.map(() => 'held')));
  });

  it('cannot be renewed if all of them are on a node that is stopped', async () => {
    const { store } = await openStore({ cluster: cluster.nodes });
    const { leases, owners } = await leasesOnAllNodes(store);
    await cluster.servers[STOPPED].pause();
    const { error, ms } = await timed(() =>
      store.renew(
        leases.filter((_, i) => owners[i] === STOPPED),
        400,
      ),
    );
    expect(error).toMatchObject({ code: 'LOCK_STORE', mayHaveRun: true });
    expect(ms).toBeLessThan(400 + SLACK);
  });

  /** Two leases and more on each node, and the index of the node that each is on. */
  async function leasesOnAllNodes(
    store: RedisLockStore,
  ): Promise<{ leases: AcquireRequest[]; owners: number[] }> {
    const leases: AcquireRequest[] = [];
    const owners: number[] = [];
    const enough = (node: number): boolean => owners.filter((owner) => owner === node).length >= 2;
    for (let i = 0; ![0, 1, 2].every(enough); i++) {
      const lease = wanted(`lock-${i}`);
      expect(await store.acquire(lease, WITHIN)).toMatchObject({ status: 'granted' });
      leases.push(lease);
      owners.push(await cluster.ownerOf(await cluster.slotOf(`locks:${lease.name}`)));
    }
    return { leases, owners };
  }
});
