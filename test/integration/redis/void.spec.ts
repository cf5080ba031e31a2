import type { Redis } from 'ioredis';
import { VOID_RETENTION } from '../../../lib/stores/lock-store.js';
import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { TcpProxy, type Direction } from '../../support/tcp-proxy.js';
import { closeEverything, openStore, tokenOf, voided, wanted, WITHIN } from './support/redis-stores.js';

let server: RedisServer;
let client: Redis;
let proxy: TcpProxy;
/** Reaches the server by way of the proxy. */
let store: RedisLockStore;
/** Does not. It stands for the network that delivers a copy late. */
let network: RedisLockStore;

beforeEach(async () => {
  server = await RedisServer.start();
  client = server.client();
  proxy = await TcpProxy.start(server.port);
  ({ store } = await openStore(`redis://127.0.0.1:${proxy.port}`));
  ({ store: network } = await openStore(server.url));
  // Has the scripts loaded.
  const mine = wanted('warm-up');
  await store.acquire(mine, WITHIN);
  await store.release(mine, WITHIN);
});
afterEach(closeEverything);

type Wanted = ReturnType<typeof wanted>;

/** Asks, and gets no reply in time: the request is lost, or what the server says to it is. */
async function askInVain(request: Wanted, lost: Direction): Promise<void> {
  proxy.hold(lost);
  const asked = store.acquire(request, 300);
  await expect(asked).rejects.toMatchObject({ code: 'LOCK_STORE', mayHaveRun: true });
  proxy.cut();
  proxy.heal();
  // Has a connection again, so that nothing that is asked for next is retried.
  await store.inspect(request.name, WITHIN);
}

const signs = (): Promise<string[]> => client.keys('{locks:*}:void:*');

describe('an acquisition whose first request was not answered', () => {
  it('finds the lock that it was granted, with the same fencing token, and its tick', async () => {
    const claim = { kind: 'tick', job: 'nightly', time: Date.now() - 1000, rerun: false } as const;
    const mine = { ...wanted(), claim };
    await askInVain(mine, 'toClient');
    const fencingToken = Number(await client.get('{locks:lock}:token'));
    expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'granted', fencingToken });
  });

  it.each<Wanted['end']>(['void', 'unfinished', 'completed'])(
    'is no longer granted if a copy of the request arrives after it has ended as %s',
    async (end) => {
      const mine = wanted();
      await askInVain(mine, 'toServer');
      expect(await store.release({ ...mine, end }, WITHIN)).toBe('vanished');

      expect((await network.acquire(mine, WITHIN)).status).toBe('done');

      expect(await store.inspect('lock', WITHIN)).toBeNull();
      expect(await client.exists('locks:lock', '{locks:lock}:token')).toBe(0);
    },
  );

  it('is no longer queued', async () => {
    const holder = wanted();
    await network.acquire(holder, WITHIN);
    const waiter = { ...wanted(), waited: 0 };
    await askInVain(waiter, 'toServer');
    await store.release(voided(waiter), WITHIN);
    network.queue.watch('lock', () => {});
    await eventually(async () => {
      expect(await network.acquire({ ...wanted(), waited: 0 }, WITHIN)).toMatchObject({ queued: true });
    });

    expect(await network.acquire(waiter, WITHIN)).toMatchObject({ status: 'done' });

    expect(await network.inspect('lock', WITHIN)).toMatchObject({ waiters: 1 });
  });

  it('gives back the lock and the tick that it was granted, and claims neither when a copy arrives', async () => {
    const claim = { kind: 'tick', job: 'nightly', time: Date.now() - 1000, rerun: false } as const;
    const mine = { ...wanted(), claim };
    await askInVain(mine, 'toClient');
    expect(await store.release(voided(mine), WITHIN)).toBe('held');
    expect(await network.acquire(mine, WITHIN)).toMatchObject({ status: 'done' });
    expect(await store.acquire({ ...wanted(), claim }, WITHIN)).toMatchObject({ status: 'granted' });
  });

  it('says with each refusal after that, and with no other, that an earlier copy may still be granted', async () => {
    const [mine, holder] = [wanted(), wanted()];
    await askInVain(mine, 'toServer');
    await network.acquire(holder, WITHIN);
    for (let i = 0; i < 2; i++)
      expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'busy', unsettled: true });
    expect(await store.acquire(wanted(), WITHIN)).not.toHaveProperty('unsettled');
    await store.release(voided(mine), WITHIN);
    expect(await signs()).toEqual([`{locks:lock}:void:${mine.owner}`]);
  });

  it('keeps neither another owner from being granted the lock, nor itself from being granted another', async () => {
    const mine = wanted();
    await askInVain(mine, 'toServer');
    await store.release(voided(mine), WITHIN);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    expect(await store.acquire({ ...mine, name: 'other' }, WITHIN)).toMatchObject({ status: 'granted' });
  });

  it('is remembered for as long as a copy may be on its way, but not for ever', async () => {
    const mine = wanted();
    await askInVain(mine, 'toServer');
    await store.release(voided(mine), WITHIN);
    const remaining = await client.pttl(`{locks:lock}:void:${mine.owner}`);
    expect(remaining).toBeGreaterThan(VOID_RETENTION - 10_000);
    expect(remaining).toBeLessThanOrEqual(VOID_RETENTION);
  });

  it('is remembered even by a server that is out of memory', async () => {
    const mine = wanted();
    await askInVain(mine, 'toClient');
    await client.config('SET', 'maxmemory', '1');
    expect(await store.release(voided(mine), WITHIN)).toBe('held');
    expect(await signs()).toHaveLength(1);
  });

  it('is remembered until its release is answered, however often that fails', async () => {
    const mine = wanted();
    await askInVain(mine, 'toServer');
    proxy.refuse(true);
    proxy.cut();
    await expect(store.release(voided(mine), 300)).rejects.toMatchObject({ code: 'LOCK_STORE' });
    proxy.heal();
    await eventually(async () => expect(await store.release(voided(mine), WITHIN)).toBe('vanished'));
    expect((await network.acquire(mine, WITHIN)).status).toBe('done');
  });
});

describe('an acquisition that was retried on a new connection', () => {
  it('leaves a key against the first copy when it ends', async () => {
    const mine = wanted();
    proxy.hold('toServer');
    const asked = store.acquire(mine, WITHIN);
    await proxy.onceBytes('toServer');
    proxy.cut();
    proxy.heal();
    expect(await asked).toMatchObject({ status: 'granted' });

    expect(await store.release(mine, WITHIN)).toBe('held');

    expect(await signs()).toEqual([`{locks:lock}:void:${mine.owner}`]);
  });

  it('says when it is refused that an earlier copy may still be granted', async () => {
    await network.acquire(wanted(), WITHIN);
    proxy.hold('toServer');
    const asked = store.acquire(wanted(), WITHIN);
    await proxy.onceBytes('toServer');
    proxy.cut();
    proxy.heal();
    expect(await asked).toMatchObject({ status: 'busy', unsettled: true });
  });
});

describe('an acquisition whose only request was answered', () => {
  it.each<Wanted['end']>(['void', 'unfinished', 'completed'])(
    'leaves nothing behind when it ends as %s',
    async (end) => {
      const mine = wanted();
      await store.acquire(mine, WITHIN);
      expect(await store.release({ ...mine, end }, WITHIN)).toBe('held');
      expect(await signs()).toEqual([]);
      expect(await store.release({ ...mine, end }, WITHIN)).toBe('vanished');
    },
  );

  it('changes nothing in the lock of another owner when it ends', async () => {
    const theirs = wanted();
    const fencingToken = tokenOf(await network.acquire(theirs, WITHIN));
    expect(await store.release(voided(wanted()), WITHIN)).toBe('taken');
    expect(await store.inspect('lock', WITHIN)).toMatchObject({ owner: theirs.owner, fencingToken });
    expect(await network.renew([theirs], WITHIN)).toEqual(['held']);
  });

  it('changes nothing of how long the run of another is remembered', async () => {
    const gap = { kind: 'gap', job: 'poll', gap: 30 * 24 * 3_600_000 } as const;
    await network.acquire({ ...wanted(), claim: gap }, WITHIN);
    await store.release(voided({ ...wanted(), claim: { ...gap, gap: 1000 } }), WITHIN);
    expect(await client.pttl('{locks:lock}:gap:poll')).toBeGreaterThan(gap.gap - WITHIN);
  });
});
