import type { Redis } from 'ioredis';
import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { engineGuardsScripts } from '../../support/redis/engine.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { queueUp } from '../../../lib/testing/store-contract/queue-up.js';
import { closeEverything, openStore, wanted, WITHIN } from './support/redis-stores.js';

const CALLS = 64;

const onGuarded = (await engineGuardsScripts()) ? it : it.skip;

describe('many calls that are made together', () => {
  let server: RedisServer;
  let client: Redis;
  let store: RedisLockStore;

  beforeEach(async () => {
    server = await RedisServer.start();
    client = server.client();
    ({ store } = await openStore(server.url));
  });
  afterEach(closeEverything);

  it('go in two commands: the first at once, the others together', async () => {
    await warmUp(store);
    await client.config('RESETSTAT');
    const requests = manyLocks();

    const replies = await acquireAll(store, requests);
    expect(replies.map(({ status }) => status)).toEqual(Array(CALLS).fill('granted'));
    expect(await scriptCalls(client)).toBe(2);

    expect(await releaseAll(store, requests)).toEqual(Array(CALLS).fill('held'));
    expect(await scriptCalls(client)).toBe(4);
    expect(await client.keys('locks:*')).toEqual([]);
  });

  it('have a higher fencing token than the last grant of the same lock', async () => {
    const requests = manyLocks();
    const before = await acquireAll(store, requests);
    await releaseAll(store, requests);
    const after = await acquireAll(store, manyLocks());
    for (const [i, { fencingToken }] of (after as { fencingToken: number }[]).entries()) {
      expect(fencingToken).toBeGreaterThan((before[i] as { fencingToken: number }).fencingToken);
    }
    // A state that is kept says the same.
    expect(await client.get('{locks:lock-9}:token')).toBe(
      String((after[9] as { fencingToken: number }).fencingToken),
    );
  });

  it('are each answered as if they were the only one', async () => {
    await warmUp(store);
    const taken = wanted('taken', 20_000);
    await store.acquire(taken, WITHIN);
    const late = wanted('void');
    await client.set(`{locks:void}:void:${late.owner}`, '');
    const mine = wanted('mine');
    await store.acquire(mine, WITHIN);
    await client.hset('locks:of-another-type', 'not', 'ours');
    await client.hset('{locks:bad-token}:token', 'not', 'ours');

    const names = ['first', 'taken', 'of-another-type', 'bad-token', 'last', 'last'];
    const wants = [...names.map((name) => wanted(name)), late, mine];
    const replies = await Promise.allSettled(wants.map((request) => store.acquire(request, WITHIN)));

    const values = replies.map((reply) => (reply.status === 'fulfilled' ? reply.value : reply.reason));
    expect(values[0]).toMatchObject({ status: 'granted' });
    expect(values[1]).toMatchObject({ status: 'busy', owner: taken.owner, remaining: expect.any(Number) });
    for (const error of [values[2], values[3]])
      expect(error).toMatchObject({ code: 'LOCK_STORE', refused: true, message: /WRONGTYPE/ });
    expect(values[4]).toMatchObject({ status: 'granted' });
    expect(values[5]).toMatchObject({ status: 'busy', owner: wants[4].owner });
    // Nobody is asked a second time for the error of another.
    for (const busy of [values[1], values[5]]) expect(busy).not.toHaveProperty('unsettled');
    expect(values[6]).toMatchObject({ status: 'done' });
    expect(values[7]).toMatchObject({ status: 'granted' });
    expect(await client.exists('locks:bad-token', 'locks:void')).toBe(0);

    const releases = [...wants.slice(0, 5), wanted('nobody')];
    expect(await releaseAll(store, [alone, ...releases])).toEqual([
      'vanished',
      'held',
      'taken',
      'taken',
      'vanished',
      'held',
      'vanished',
    ]);
  });

  it('give a lock to its first waiter, and to no call that is not queued', async () => {
    await warmUp(store);
    const requests = manyLocks();
    await acquireAll(store, requests);
    const waiter = wanted('lock-7');
    await queueUp(store, waiter);

    const released = releaseAll(store, [alone, ...requests]);
    const tried = acquireAll(store, manyLocks());
    await released;

    const replies = await tried;
    expect(replies.filter(({ status }) => status === 'granted')).toHaveLength(CALLS - 1);
    expect(replies[7]).toMatchObject({ status: 'busy', owner: waiter.owner });
  });

  it('reach the server in their order', async () => {
    await warmUp(store);
    const mine = wanted('mine');
    await store.acquire(mine, WITHIN);
    const next = wanted('mine');

    const [, , released, granted, found] = await Promise.all([
      store.acquire(wanted('other'), WITHIN),
      store.acquire(wanted('another'), WITHIN),
      store.release(mine, WITHIN),
      store.acquire(next, WITHIN),
      // Asked for alone.
      store.inspect('mine', WITHIN),
    ]);

    expect(released).toBe('held');
    expect(granted).toMatchObject({ status: 'granted' });
    expect(found).toMatchObject({ owner: next.owner });
  });

  it('go together whatever they claim, and each claim is decided as if it were the only one', async () => {
    await warmUp(store);
    const time = Date.now() - 1000;
    const tick = { kind: 'tick', job: 'nightly', time, rerun: true } as const;
    const gap = { kind: 'gap', job: 'sync', gap: 60_000 } as const;
    const key = { kind: 'key', job: 'v1', remember: 60_000 } as const;
    const early = { ...tick, time: time + 60_000 };
    const requests = [tick, gap, key, early].map((claim, i) => ({ ...wanted(`lock-${i}`), claim }));
    const again = requests.map((request) => ({ ...request, owner: wanted().owner }));
    await client.config('RESETSTAT');

    const [, plain, ...replies] = await acquireAll(store, [alone, wanted('plain'), ...requests, ...again]);
    expect(plain).toEqual({ status: 'granted', fencingToken: expect.any(Number) });
    expect(replies.map(({ status }) => status)).toEqual([
      'granted',
      'granted',
      'granted',
      'early',
      'busy',
      'done',
      'busy',
      'early',
    ]);
    for (const { now } of replies) expect(now).toBeGreaterThan(time);
    expect(await scriptCalls(client)).toBe(2);

    const [completed, unfinished, voidOne] = requests;
    const releases = [
      { ...completed, end: 'completed' },
      { ...unfinished, end: 'void' },
      { ...voidOne, end: 'completed' },
    ] as const;
    const ends = await Promise.all([alone, ...releases].map((request) => store.release(request, WITHIN)));
    expect(ends).toEqual(['held', 'held', 'held', 'held']);
    expect(await scriptCalls(client)).toBe(4);
    const after = await acquireAll(store, again);
    expect(after.map(({ status }) => status)).toEqual(['done', 'granted', 'done', 'early']);
  });

  it('are answered in parts, so that the first does not wait for the last', async () => {
    const claim = { kind: 'tick', job: 'nightly', time: Date.now() - 1000, rerun: false } as const;
    const requests = Array.from({ length: 1000 }, (_, i) => ({ ...wanted(`lock-${i}`), claim }));
    let answered = 0;
    const calls = requests.map((request) => store.acquire(request, WITHIN).then(() => answered++));
    // Before the reply that comes last, others were read.
    await calls[500];
    expect(answered).toBeLessThan(requests.length);
    await Promise.all(calls);
    expect(await scriptCalls(client)).toBeLessThanOrEqual(13);
  });

  it('leave nothing behind if the server is out of memory', async () => {
    await warmUp(store);
    await client.config('SET', 'maxmemory', '1');
    const replies = await Promise.allSettled(manyLocks().map((request) => store.acquire(request, WITHIN)));
    await client.config('SET', 'maxmemory', '0');
    for (const reply of replies) {
      expect(reply).toMatchObject({ status: 'rejected', reason: { code: 'LOCK_STORE', mayHaveRun: false } });
    }
    expect(await client.keys('locks:lock-*')).toEqual([]);
  });

  it('are retried together if their replies are lost, and each has its own lock', async () => {
    const { store: proxied, proxy } = await openProxied(server);
    const requests = manyLocks();
    proxy.hold('toClient');
    const calls = acquireAll(proxied, requests, 3000);
    await cutWhen(proxy, async () => (await countLocks(client)) === CALLS);
    proxy.heal();

    const replies = await calls;
    for (const [i, { name }] of requests.entries()) {
      const fencingToken = Number(await client.get(`{locks:${name}}:token`));
      expect(replies[i]).toEqual({ status: 'granted', fencingToken });
    }

    proxy.hold('toClient');
    const releases = releaseAll(proxied, requests, 3000);
    await cutWhen(proxy, async () => (await countLocks(client)) === 0);
    proxy.heal();
    expect(await releases).toEqual(Array(CALLS).fill('held'));
  });

  it('may have run if their replies are lost and the server refuses the retry', async () => {
    const { store: proxied, proxy } = await openProxied(server);
    const requests = manyLocks();
    proxy.hold('toClient');
    const calls = Promise.allSettled(requests.map((request) => proxied.acquire(request, 1000)));
    await cutWhen(proxy, async () => (await countLocks(client)) === CALLS);
    const other = await RedisServer.start();
    await client.replicaof('127.0.0.1', other.port);
    proxy.heal();

    for (const reply of await calls)
      expect(reply).toMatchObject({ status: 'rejected', reason: { code: 'LOCK_STORE', mayHaveRun: true } });
  });

  onGuarded('are not renewed one by one if the server refuses every write', async () => {
    const requests = ['a', 'b', 'c'].map((name) => wanted(name));
    await acquireAll(store, requests);
    await store.renew(requests, WITHIN);
    await client.config('SET', 'min-replicas-to-write', '1');
    await client.config('RESETSTAT');

    await expect(store.renew(requests, WITHIN)).rejects.toMatchObject({
      refused: true,
      message: expect.stringContaining('NOREPLICAS'),
    });
    expect(await scriptCalls(client)).toBe(1);
  });

  it('are renewed one by one if the user has lost the permission for one of the locks', async () => {
    await client.acl('SETUSER', 'some', 'on', '>secret', '+@all', '~locks:*', '~{locks:*');
    const { store: limited } = await openStore({ port: server.port, username: 'some', password: 'secret' });
    const requests = ['ok-1', 'forbidden', 'ok-2'].map((name) => wanted(name));
    await acquireAll(limited, requests);
    await client.acl('SETUSER', 'some', 'resetkeys', '~locks:ok*', '~{locks:ok*');

    expect(await limited.renew(requests, WITHIN)).toEqual(['held', undefined, 'held']);
    await expect(limited.renew([requests[1]], WITHIN)).rejects.toMatchObject({ refused: true });
  });

  it('are requested one by one if the user has no permission for one of the locks', async () => {
    await client.acl(
      'SETUSER',
      'some',
      'on',
      '>secret',
      '+@all',
      '~locks:ok*',
      '~{locks:ok*',
      '~locks:alone',
    );
    const { store: limited } = await openStore({ port: server.port, username: 'some', password: 'secret' });
    const requests = ['ok-1', 'forbidden', 'ok-2', 'ok-3'].map((name) => wanted(name));
    await limited.acquire(requests[0], WITHIN);

    const [, ...replies] = await Promise.allSettled(
      [wanted('ok'), ...requests].map((request) => limited.acquire(request, WITHIN)),
    );

    expect(replies).toMatchObject([
      { value: { status: 'granted' } },
      { reason: { refused: true, mayHaveRun: false, message: /NOPERM|ACL/ } },
      { value: { status: 'granted' } },
      { value: { status: 'granted' } },
    ]);
    const [, ...releases] = await Promise.allSettled(
      [alone, ...requests].map((request) => limited.release(request, WITHIN)),
    );
    expect(releases).toMatchObject([
      { value: 'held' },
      { reason: { refused: true } },
      { value: 'held' },
      { value: 'held' },
    ]);
  });

  it('are released, except the one whose queue is not ours', async () => {
    const requests = ['a', 'b', 'c'].map((name) => wanted(name));
    for (const request of requests) await store.acquire(request, WITHIN);
    await client.set('{locks:b}:queue', 'not ours');

    const [, ...releases] = await Promise.allSettled(
      [alone, ...requests].map((request) => store.release(request, WITHIN)),
    );

    expect(releases).toMatchObject([
      { value: 'held' },
      { reason: { refused: true, message: /WRONGTYPE/ } },
      { value: 'held' },
    ]);
    expect(await client.keys('locks:*')).toEqual(['locks:b']);
  });
});

interface Proxied {
  readonly store: RedisLockStore;
  readonly proxy: TcpProxy;
}

/** By way of a proxy, with the scripts loaded. */
async function openProxied(server: RedisServer): Promise<Proxied> {
  const proxy = await TcpProxy.start(server.port);
  const { store } = await openStore(`redis://127.0.0.1:${proxy.port}`);
  await warmUp(store);
  return { store, proxy };
}

/** Cuts the connection, which cannot be made anew, when the server has done what its replies would say. */
async function cutWhen(proxy: TcpProxy, isDone: () => Promise<boolean>): Promise<void> {
  await eventually(isDone);
  proxy.refuse(true);
  proxy.cut();
}

/** Goes at once, so that those after it go together. */
const alone = wanted('alone');

/** Has the scripts loaded. */
async function warmUp(store: RedisLockStore): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const requests = [wanted('a'), wanted('b'), wanted('c')];
    await acquireAll(store, requests);
    await releaseAll(store, requests);
  }
}

function manyLocks() {
  return Array.from({ length: CALLS }, (_, i) => wanted(`lock-${i}`));
}

function acquireAll(store: RedisLockStore, requests: ReturnType<typeof wanted>[], within = WITHIN) {
  return Promise.all(requests.map((request) => store.acquire(request, within)));
}

function releaseAll(store: RedisLockStore, requests: ReturnType<typeof wanted>[], within = WITHIN) {
  return Promise.all(requests.map((request) => store.release(request, within)));
}

async function countLocks(client: Redis): Promise<number> {
  return (await client.keys('locks:lock-*')).length;
}

async function scriptCalls(client: Redis): Promise<number> {
  const [, calls] = /cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats')) ?? [];
  return Number(calls);
}
