import type { Redis } from 'ioredis';
import { resolveSettings } from '../../../lib/exclusive-lock.options.js';
import { UNDO_RETENTION } from '../../../lib/stores/lock-store.js';
import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { beginningOf } from '../../../lib/stores/owner-token.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { fenceOf } from '../stores/conformance/subject.js';
import { closeEverything, openStore, wanted, WITHIN } from './support/redis-stores.js';

const DAY = 24 * 60 * 60 * 1000;

let store: RedisLockStore;
let client: Redis;
let server: RedisServer;

beforeEach(async () => {
  server = await RedisServer.start();
  client = server.client();
  ({ store } = await openStore(server.url));
});
afterEach(closeEverything);

describe('an undone acquisition', () => {
  it('does not have the lock any more', async () => {
    const mine = wanted();
    await store.acquire(mine, WITHIN);
    expect(await store.undo(mine, WITHIN)).toBe('held');
    expect(await store.inspect('lock', WITHIN)).toBeNull();
    expect(await store.undo(mine, WITHIN)).toBe('vanished');
  });

  it('is not granted when it arrives only then, and leaves no lock', async () => {
    const mine = wanted();
    expect(await store.undo(mine, WITHIN)).toBe('vanished');
    expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'done' });
    expect(await store.inspect('lock', WITHIN)).toBeNull();
    expect(await client.exists('locks:lock', '{locks:lock}:token')).toBe(0);
  });

  it('is not granted again after it was, nor is its tick claimed when it arrives only then', async () => {
    const claim = { kind: 'tick', job: 'nightly', time: Date.now() - 1000, rerun: false } as const;
    const [granted, late] = [wanted(), { ...wanted(), claim }];
    await store.acquire(granted, WITHIN);
    await store.undo(granted, WITHIN);
    expect(await store.acquire(granted, WITHIN)).toMatchObject({ status: 'done' });
    await store.undo(late, WITHIN);
    expect(await store.acquire(late, WITHIN)).toMatchObject({ status: 'done' });
    expect(await store.acquire({ ...wanted(), claim }, WITHIN)).toMatchObject({ status: 'granted' });
  });

  it('keeps neither another record nor the same one of another lock from being granted', async () => {
    const mine = wanted();
    await store.undo(mine, WITHIN);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    expect(await store.acquire({ ...mine, name: 'other' }, WITHIN)).toMatchObject({ status: 'granted' });
  });

  it("changes nothing of somebody else's lock", async () => {
    const theirs = wanted();
    const granted = await store.acquire(theirs, WITHIN);
    expect(await store.undo(wanted(), WITHIN)).toBe('taken');
    expect(await store.inspect('lock', WITHIN)).toMatchObject({ record: theirs.record });
    expect(await store.renew([theirs], WITHIN)).toEqual(['held']);
    expect(await store.acquire(theirs, WITHIN)).toMatchObject({
      status: 'granted',
      fencingToken: fenceOf(granted),
    });
  });

  it('is remembered for as long as it may be on its way, and not for ever', async () => {
    const marks = '{locks:lock}:undone';
    const undone = wanted();
    await client.zadd(marks, Date.now() - 1000, 'of long ago');
    await store.undo(undone, WITHIN);
    const remaining = await client.pttl(marks);
    expect(remaining).toBeGreaterThan(UNDO_RETENTION - 10_000);
    expect(remaining).toBeLessThanOrEqual(UNDO_RETENTION);
    expect(await client.zrange(marks, 0, -1)).toEqual([beginningOf(undone.record)]);
  });
});

describe('a renewal of many leases', () => {
  it('tells that one is taken whose key is of another type, and renews the others', async () => {
    const requests = ['a', 'b', 'c'].map((name) => wanted(name, 20_000));
    for (const request of requests) await store.acquire(request, WITHIN);
    await client.del('locks:b');
    await client.hset('locks:b', 'not', 'ours');

    const longer = requests.map((request) => ({ ...request, ttl: 60_000 }));
    expect(await store.renew(longer, WITHIN)).toEqual(['held', 'taken', 'held']);

    for (const name of ['a', 'c']) expect(await client.pttl(`locks:${name}`)).toBeGreaterThan(50_000);
    expect(await client.pttl('locks:b')).toBe(-1);
    expect(await client.hgetall('locks:b')).toEqual({ not: 'ours' });
  });
});

describe('a renewal', () => {
  it('touches the key of the lock alone, which tells the fencing token as long as it is held', async () => {
    const mine = wanted();
    const granted = await store.acquire(mine, WITHIN);
    await client.acl('SETUSER', 'renewer', 'on', '>secret', '+@all', '~locks:*');
    const renewing = { port: server.port, username: 'renewer', password: 'secret' };
    const { store: renewer } = await openStore(renewing);
    expect(await client.del('{locks:lock}:token')).toBe(1);

    expect(await renewer.renew([mine], WITHIN)).toEqual(['held']);

    expect(await client.keys('*')).toEqual(['locks:lock']);
    expect(await store.inspect('lock', WITHIN)).toMatchObject({ fencingToken: fenceOf(granted) });
    expect(await store.force({ name: 'lock', fencingToken: fenceOf(granted) }, WITHIN)).toBe('held');
    expect(fenceOf(await store.acquire(wanted(), WITHIN))).toBeGreaterThan(fenceOf(granted));
  });
});

describe('what is kept of a lock', () => {
  it('goes by itself, each at its time', async () => {
    const time = Date.now() - 1000;
    const claims = [
      { kind: 'tick', job: 'nightly', time, rerun: true },
      { kind: 'gap', job: 'sync', gap: 1000 },
      { kind: 'key', job: '["v1"]', remember: 60_000 },
    ] as const;
    for (const claim of claims) {
      const mine = { ...wanted(), claim };
      await store.acquire(mine, WITHIN);
      await store.release({ ...mine, completed: claim }, WITHIN);
    }
    const left = new Map<string, number>();
    for (const key of await client.keys('*')) left.set(key, (await client.pttl(key)) / DAY);

    expect([...left.keys()].toSorted()).toEqual([
      '{locks:lock}:gap:sync',
      '{locks:lock}:key:["v1"]',
      '{locks:lock}:tick:nightly',
      '{locks:lock}:token',
    ]);
    expect(left.get('{locks:lock}:token')).toBeCloseTo(1, 1);
    expect(left.get('{locks:lock}:gap:sync')).toBeCloseTo(1, 1);
    expect(left.get('{locks:lock}:tick:nightly')).toBeCloseTo(35, 1);
    expect(left.get('{locks:lock}:key:["v1"]')).toBeLessThan(60_000 / DAY + 1e-9);
  });
});

describe('a ttl that Redis would not take', () => {
  it('is refused by forRoot()', () => {
    expect(() => resolveSettings({ redis: 'redis://127.0.0.1', ttl: 1000.5 })).toThrow(
      expect.objectContaining({
        code: 'LOCK_CONFIGURATION',
        message: 'ttl must be a whole number of milliseconds; got ttl = 1000.5.',
      }),
    );
    expect(resolveSettings({ redis: 'redis://127.0.0.1', ttl: 1000 })).toMatchObject({ ttl: 1000 });
  });
});
