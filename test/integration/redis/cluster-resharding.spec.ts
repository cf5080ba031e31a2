import { eventually } from '../../support/eventually.js';
import { startCluster, type TestCluster } from './support/cluster.js';
import {
  closeEverything,
  openManager,
  openStore,
  recordIn,
  repeatedly,
  wanted,
  WITHIN,
} from './support/redis-stores.js';

const claim = { kind: 'tick', series: 'nightly', time: 1_700_000_000_000, rerun: true } as const;

describe('a slot that moves to another node', () => {
  let cluster: TestCluster;
  beforeEach(async () => {
    cluster = await startCluster();
  }, 60_000);
  afterEach(closeEverything);

  const open = async (name: string) => {
    const slot = await cluster.slotOf(`locks:${name}`);
    const from = await cluster.ownerOf(slot);
    return { from, to: (from + 1) % 3, moving: await cluster.openSlot(slot, from, (from + 1) % 3) };
  };

  it.each([
    ['what else is kept of it', ['{locks:lock}:fence', '{locks:lock}:tick:nightly', 'locks:lock']],
    ['the lock itself', ['locks:lock', '{locks:lock}:tick:nightly', '{locks:lock}:fence']],
  ])('keeps each lease as long as it is open, when %s has moved first', async (_, order) => {
    const { store } = await openStore({ cluster: cluster.nodes });
    const mine = { ...wanted(), claim };
    expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'granted' });
    const { moving, to } = await open('lock');

    expect(await store.renew([mine], WITHIN)).toEqual(['held']);
    for (const key of order) {
      await moving.move(key);
      expect(await store.renew([mine], WITHIN)).toEqual(['held']);
    }
    await moving.close();

    expect(await recordIn(cluster.servers[to].client(), 'locks:lock')).toBe(mine.record);
    expect(await store.renew([mine], WITHIN)).toEqual(['held']);
    expect(await store.release({ ...mine, completed: claim }, WITHIN)).toBe('held');
    expect(await store.acquire({ ...wanted(), claim }, WITHIN)).toMatchObject({ status: 'done' });
  });

  it('lets those who ask have their lock as soon as it has moved', async () => {
    const { store } = await openStore({ cluster: cluster.nodes });
    const before = wanted();
    await store.acquire(before, WITHIN);
    await store.release(before, WITHIN);
    const { moving } = await open('lock');

    const asked = store.acquire({ ...wanted(), claim }, 20_000);
    await moving.move('{locks:lock}:fence');
    await moving.close();

    expect(await asked).toMatchObject({ status: 'granted' });
  });

  it('as all of a node may, by redis-cli, costs no lease, and no acquisition more than it takes', async () => {
    const { manager, log } = await openManager({ cluster: cluster.nodes }, 2000);
    const names = Array.from({ length: 40 }, (_, i) => `lock-${i}`);
    const leases = await Promise.all(
      names.map(async (name) => {
        const acquisition = await manager.tryAcquire(name, { ttl: 2000 });
        if (acquisition.status !== 'acquired') throw new Error(acquisition.reason);
        return acquisition.lease;
      }),
    );
    const { manager: other } = await openManager({ cluster: cluster.nodes }, 2000);
    const waits: number[] = [];
    let next = 0;
    const calls = repeatedly(async () => {
      const since = performance.now();
      const name = `other-${next++ % 40}`;
      await eventually(async () => (await other.run(name, () => 1, {})).status === 'ran', { within: 20_000 });
      waits.push(performance.now() - since);
    });

    await cluster.reshard(5000, 0, 1);
    await cluster.reshard(5000, 1, 2);
    await calls.stop();

    expect(leases.map(({ held }) => held)).toEqual(names.map(() => true));
    expect(waits.reduce((sum, ms) => sum + ms, 0) / waits.length).toBeLessThan(1000);
    await Promise.all(leases.map((lease) => lease.release()));
    expect(leases.map(({ lossReason }) => lossReason)).toEqual(names.map(() => 'released'));
    expect(log.warnings).toEqual([]);
  }, 120_000);
});
