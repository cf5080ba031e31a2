import { eventually } from '../../support/eventually.js';
import { startCluster, type TestCluster } from './support/cluster.js';
import {
  closeEverything,
  openManager,
  openStore,
  ownerIn,
  repeatedly,
  wanted,
  WITHIN,
} from './support/redis-stores.js';

/** A part of the time that the moves take, and more than a busy machine makes a process wait. */
const TTL = 6000;
const claim = { kind: 'tick', job: 'nightly', time: 1_700_000_000_000, rerun: true } as const;

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
    ['another key of the lock', ['{locks:lock}:token', '{locks:lock}:tick:nightly', 'locks:lock']],
    ['the lock itself', ['locks:lock', '{locks:lock}:tick:nightly', '{locks:lock}:token']],
  ])('keeps each lease during the move, if %s has moved first', async (_, order) => {
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

    expect(await ownerIn(cluster.servers[to].client(), 'locks:lock')).toBe(mine.owner);
    expect(await store.renew([mine], WITHIN)).toEqual(['held']);
    expect(await store.release({ ...mine, end: 'completed' }, WITHIN)).toBe('held');
    expect(await store.acquire({ ...wanted(), claim }, WITHIN)).toMatchObject({ status: 'done' });
  });

  it('lets callers have their lock as soon as it has moved', async () => {
    const { store } = await openStore({ cluster: cluster.nodes });
    const before = wanted();
    await store.acquire(before, WITHIN);
    await store.release(before, WITHIN);
    const { moving } = await open('lock');

    const asked = store.acquire({ ...wanted(), claim }, 20_000);
    await moving.move('{locks:lock}:token');
    await moving.close();

    expect(await asked).toMatchObject({ status: 'granted' });
  });

  it('costs no lease, and delays no acquisition for longer than the move, if redis-cli moves all slots of a node', async () => {
    const { manager, log } = await openManager({ cluster: cluster.nodes }, 2000);
    const names = Array.from({ length: 40 }, (_, i) => `lock-${i}`);
    const leases = await Promise.all(
      names.map(async (name) => {
        const acquisition = await manager.tryAcquire(name, { ttl: TTL });
        if (acquisition.status !== 'acquired') throw new Error(acquisition.reason);
        return acquisition.lease;
      }),
    );
    const { manager: other } = await openManager({ cluster: cluster.nodes }, 2000);
    let [asked, granted] = [0, 0];
    const calls = repeatedly(async () => {
      const name = `other-${granted % 40}`;
      const granting = async () => {
        asked++;
        return (await other.run(name, () => 1, {})).status === 'ran';
      };
      await eventually(granting, { within: 60_000 });
      granted++;
    });

    await cluster.reshard(5000, 0, 1);
    await cluster.reshard(5000, 1, 2);
    await calls.stop();

    expect(leases.map(({ held }) => held)).toEqual(names.map(() => true));
    // Each question has a command's time: nearly all are answered in it, also while their slot is open.
    expect(asked / granted).toBeLessThan(1.5);
    await Promise.all(leases.map((lease) => lease.release()));
    expect(leases.map(({ lossReason }) => lossReason)).toEqual(names.map(() => 'released'));
    expect(log.warnings).toEqual([]);
  });
});
