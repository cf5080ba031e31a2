import type { Redis } from 'ioredis';
import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { closeEverything, openStore, tokenOf, wanted, WITHIN } from './support/redis-stores.js';

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

it('a lock is a JSON object of the owner, the fencing token and the holder in redis-cli', async () => {
  const mine = {
    ...wanted(),
    owner: 'p8.1',
    holder: '{"replica":"web-1","since":"2026-11-30T12:00:00.000Z"}',
  };
  const fencingToken = tokenOf(await store.acquire(mine, WITHIN));

  expect(await client.get('locks:lock')).toBe(
    `{"owner":"p8.1","token":${fencingToken},"replica":"web-1","since":"2026-11-30T12:00:00.000Z"}`,
  );
  expect(await client.get('{locks:lock}:token')).toBe(`${fencingToken}`);
});

it.each(['{}', '{"replica":"a, \\"b\\" {c}"}', '{ "spaced" : [1] }'])(
  'a holder is returned unchanged: %s',
  async (holder) => {
    await store.acquire({ ...wanted(), holder }, WITHIN);
    expect(await store.inspect('lock', WITHIN)).toMatchObject({ holder });
  },
);

it('a lock that another program has written has no owner, and its text is kept', async () => {
  for (const text of ['not ours', '{"owner":"p8.12"}', '']) {
    await client.set('locks:lock', text);
    expect(await store.inspect('lock', WITHIN)).toEqual({
      owner: undefined,
      holder: text,
      fencingToken: undefined,
      remaining: Infinity,
      waiters: 0,
    });
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({
      status: 'busy',
      owner: undefined,
      holder: text,
    });
    const mine = { ...wanted(), owner: 'p8.1' };
    expect(await store.renew([mine], WITHIN)).toEqual(['taken']);
    expect(await store.release(mine, WITHIN)).toBe('taken');
    expect(await client.get('locks:lock')).toBe(text);
  }
});

it('a fencing token that another program has written is replaced by a higher one, if it is a number', async () => {
  await client.set('{locks:lock}:token', '9007199254740000');
  expect(tokenOf(await store.acquire(wanted(), WITHIN))).toBe(9007199254740001);
  await client.set('{locks:other}:token', 'not ours');
  expect(tokenOf(await store.acquire(wanted('other'), WITHIN))).toBeLessThan(9007199254740000);
});

it('a key prefix with a hash tag lets no name collide with the other keys of a lock', async () => {
  const { store: tagged } = await openStore({ port: server.port, keyPrefix: '{app}:' });
  const names = ['mail', 'mail:token', 'mail:queue', 'mail:void:owner'];
  for (const name of names) {
    expect(await tagged.acquire(wanted(name), WITHIN)).toMatchObject({ status: 'granted' });
  }

  const listed: string[] = [];
  for await (const { name } of tagged.admin.list('mail', WITHIN)) listed.push(name);
  expect(listed.toSorted()).toEqual(names.toSorted());
});

describe('a renewal of many leases', () => {
  it('reports a lock whose key has another type as taken, and renews the others', async () => {
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
  it('touches only the key of the lock, which contains the fencing token while it is held', async () => {
    const mine = wanted();
    const granted = await store.acquire(mine, WITHIN);
    await client.acl('SETUSER', 'renewer', 'on', '>secret', '+@all', '~locks:*');
    const renewing = { port: server.port, username: 'renewer', password: 'secret' };
    const { store: renewer } = await openStore(renewing);
    expect(await client.del('{locks:lock}:token')).toBe(1);

    expect(await renewer.renew([mine], WITHIN)).toEqual(['held']);

    expect(await client.keys('*')).toEqual(['locks:lock']);
    expect(await store.inspect('lock', WITHIN)).toMatchObject({ fencingToken: tokenOf(granted) });
    expect(await store.admin.force({ name: 'lock', fencingToken: tokenOf(granted) }, WITHIN)).toBe('held');
    expect(tokenOf(await store.acquire(wanted(), WITHIN))).toBeGreaterThan(tokenOf(granted));
  });
});

describe('the keys of a lock', () => {
  it('expire, each at its time', async () => {
    const time = Date.now() - 1000;
    const claims = [
      { kind: 'tick', job: 'nightly', time, rerun: true },
      { kind: 'gap', job: 'sync', gap: 1000 },
      { kind: 'key', job: '["v1"]', remember: 60_000 },
    ] as const;
    for (const claim of claims) {
      const mine = { ...wanted(), claim };
      await store.acquire(mine, WITHIN);
      await store.release({ ...mine, end: 'completed' }, WITHIN);
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
