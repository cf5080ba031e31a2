import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { eventually } from '../../support/eventually.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { TcpProxy, type Direction } from '../../support/tcp-proxy.js';
import { FakeRedis, handshake } from './support/fake-redis.js';
import {
  closeEverything,
  openManager,
  openStore,
  repeatedly,
  SLACK,
  timed,
  untilGranted,
  wanted,
  WITHIN,
} from './support/redis-stores.js';

describe('a connection', () => {
  let server: RedisServer;
  let proxy: TcpProxy;
  let url: string;
  const noise: string[] = [];
  const unhandled: unknown[] = [];
  const noteWarning = (warning: Error): number => noise.push(`${warning.name}: ${warning.message}`);
  const noteRejection = (reason: unknown): number => unhandled.push(reason);

  beforeEach(async () => {
    server = await RedisServer.start();
    proxy = await TcpProxy.start(server.port);
    url = `redis://127.0.0.1:${proxy.port}`;
    process.on('warning', noteWarning);
    process.on('unhandledRejection', noteRejection);
  });

  afterEach(async () => {
    await closeEverything();
    process.off('warning', noteWarning);
    process.off('unhandledRejection', noteRejection);
    expect(noise.splice(0)).toEqual([]);
    expect(unhandled.splice(0)).toEqual([]);
  });

  it('that is cut after an acquire ran: the retry finds its own lock, with the same fencing token', async () => {
    const { store, log } = await openStore(url);
    await warmUp(store);
    const mine = wanted();
    proxy.hold('toClient');
    const replied = proxy.onceBytes('toClient');
    const call = store.acquire(mine, 3000);
    await replied;
    const fencingToken = await server.client().get('{locks:lock}:token');
    proxy.cut();
    proxy.heal();
    expect(await call).toMatchObject({ status: 'granted', fencingToken: Number(fencingToken) });
    expect(log.all).toBe('');
  });

  it('that is cut after an acquire for a tick ran: the retry does not find the tick done', async () => {
    const { store } = await openStore(url);
    const mine = {
      ...wanted(),
      claim: { kind: 'tick', job: '', time: Date.now() - 1000, rerun: false },
    } as const;
    await warmUp(store);
    proxy.hold('toClient');
    const replied = proxy.onceBytes('toClient');
    const call = store.acquire(mine, 3000);
    await replied;
    proxy.cut();
    proxy.heal();
    expect(await call).toMatchObject({ status: 'granted' });
  });

  it('that is cut after a release ran: the retry says that the lock was held', async () => {
    const { store } = await openStore(url);
    await warmUp(store);
    const mine = wanted();
    await store.acquire(mine, WITHIN);
    proxy.hold('toClient');
    const replied = proxy.onceBytes('toClient');
    const call = store.release(mine, 3000);
    await replied;
    proxy.cut();
    proxy.heal();
    expect(await call).toBe('held');
  });

  it('that is cut after a forced release ran: the retry does not say that it took the lock away', async () => {
    const { store } = await openStore(url);
    const holder = wanted();
    const granted = await store.acquire(holder, WITHIN);
    const fencingToken = granted.status === 'granted' ? granted.fencingToken : 0;
    await expect(store.admin.force({ name: 'lock', fencingToken: fencingToken - 1 }, WITHIN)).resolves.toBe(
      'taken',
    );
    proxy.hold('toClient');
    const replied = proxy.onceBytes('toClient');
    const call = store.admin.force({ name: 'lock', fencingToken }, 3000);
    await replied;
    await server.client().set('locks:lock', 'of the next holder');
    proxy.cut();
    proxy.heal();

    expect(await call).toBe('taken');
    expect(await server.client().get('locks:lock')).toBe('of the next holder');
  });

  it('on which a script is unknown when the time of the call is over: the error does not say that a retry is of no use', async () => {
    const { store } = await openStore(url);
    await warmUp(store);
    const mine = wanted();
    await store.acquire(mine, WITHIN);
    await server.client().script('FLUSH');
    const release = store.release(mine, 100).catch((error: unknown) => error);
    const until = performance.now() + 200;
    while (performance.now() < until);
    expect(await release).toMatchObject({ code: 'LOCK_STORE', refused: false });
    expect(await store.release(mine, WITHIN)).toBe('held');
  });

  it('that is cut each time: the error says why, and that the command may have run', async () => {
    const { store } = await openStore(url);
    await warmUp(store);
    proxy.hold('toClient');
    const replied = proxy.onceBytes('toClient');
    const call = timed(() => store.acquire(wanted(), 500));
    await replied;
    proxy.refuse(true);
    proxy.cut();
    const { error, ms } = await call;
    expect(error).toMatchObject({ code: 'LOCK_STORE', mayHaveRun: true, cause: expect.any(Error) });
    expect(error?.message).not.toMatch(/max retries|undefined/i);
    expect(ms).toBeLessThan(500 + SLACK);
  });

  it.each<Direction>(['toServer', 'toClient'])(
    'that loses everything %s is detected and replaced, and locks are granted within 3 s',
    async (direction) => {
      const { manager, log } = await openManager(url, 1000);
      await manager.inspect('lock');
      const attempts = server.client();
      proxy.drop(direction);
      for (let tick = 0; tick < 3; tick++) {
        const { value, ms } = await timed(() => manager.tryAcquire('lock', {}));
        expect(value).toMatchObject({ reason: 'store-unavailable' });
        expect(ms).toBeLessThan(1000 + SLACK);
      }
      proxy.heal();
      const back = await timed(() =>
        eventually(async () => (await manager.tryAcquire('lock', {})).status === 'acquired'),
      );
      expect(back.ms).toBeLessThan(3000);
      expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
      expect(await attempts.exists('locks:lock')).toBe(1);
    },
  );

  it('that goes silent is replaced, even if the silence lasts for that connection only', async () => {
    const { store, log } = await openStore(url);
    await store.inspect('lock', WITHIN);
    // The old address is dead, a new connection leads elsewhere: what a failover without a reset looks like.
    proxy.drop('toServer');
    await timed(() => store.acquire(wanted(), 300));
    proxy.heal();
    const { value, ms } = await timed(() => store.acquire(wanted(), 3000));
    expect(value).toMatchObject({ status: 'granted' });
    expect(ms).toBeLessThan(1500);
    expect(log.all).toBe('');
  });

  it('that is accepted and never answered does not delay the start for long', async () => {
    proxy.hold('toClient');
    const opening = await timed(() => openStore(url));
    expect(opening.ms).toBeLessThan(2000 + SLACK);
    const { store, log } = opening.value!;
    expect(log.errors).toHaveLength(1);
    expect(log.errors[0]).toContain('not ready within 2000 ms');
    const { error, ms } = await timed(() => store.acquire(wanted(), 300));
    expect(error).toMatchObject({ mayHaveRun: false, cause: expect.any(Error) });
    expect(ms).toBeLessThan(300 + SLACK);
    proxy.heal();
    expect(await store.acquire(wanted(), 4000)).toMatchObject({ status: 'granted' });
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
  });

  it('that is never answered after a reconnect is given up and made again', async () => {
    const { store, log } = await openStore(url);
    proxy.drop('toClient');
    proxy.cut();
    await eventually(() => log.errors.length === 1);
    expect(log.errors[0]).toContain('not ready within 2000 ms');
    proxy.heal();
    expect(await store.acquire(wanted(), 4000)).toMatchObject({ status: 'granted' });
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
  });

  it('that the server closes while idle costs no log line', async () => {
    const { store, log } = await openStore(url);
    await server.client().client('KILL', 'TYPE', 'normal');
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    expect(log.all).toBe('');
  });

  it('that is killed again and again under 500 calls: every call settles, most with an answer', async () => {
    const { store } = await openStore(server.url);
    const admin = server.client();
    const killing = repeatedly(async () => {
      await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await sleep(100); // longer than a reconnect takes: there must be time for some calls
    });
    const calls = Array.from({ length: 500 }, (_, i) =>
      timed(async () => {
        const mine = wanted(`lock-${i}`);
        await store.acquire(mine, 2000);
        return store.release(mine, 2000);
      }),
    );
    const results = await Promise.all(calls);
    await killing.stop();
    expect(Math.max(...results.map(({ ms }) => ms))).toBeLessThan(4000 + SLACK);
    const failed = results.filter(({ error }) => error);
    for (const { error } of failed) expect(error).toMatchObject({ code: 'LOCK_STORE' });
    expect(failed.length).toBeLessThan(50);
    if (failed.length === 0) expect(await admin.keys('locks:*')).toEqual([]);
  });

  it('that 1000 calls wait for serves all of them, without a warning about leaking listeners', async () => {
    const { store } = await openStore(url);
    await server.kill();
    await eventually(async () => (await timed(() => store.inspect('lock', 20))).error !== undefined);
    const calls = Array.from({ length: 1000 }, (_, i) => store.acquire(wanted(`${i}`), 5000));
    await server.restart();
    for (const reply of await Promise.all(calls)) expect(reply).toMatchObject({ status: 'granted' });
  });

  it('whose calls have less time than a reconnect takes: they fail in time, and later ones succeed', async () => {
    const { store } = await openStore(url);
    proxy.cut();
    const { error, ms } = await timed(() => store.acquire(wanted(), 10));
    if (error) expect(error).toMatchObject({ code: 'LOCK_STORE', cause: expect.any(Error) });
    expect(ms).toBeLessThan(10 + SLACK);
    await untilGranted(store, wanted('later'), { each: 10 });
  });

  it('is not given up because a call had almost no time left', async () => {
    const { store } = await openStore(url);
    proxy.delay('toClient', 50);
    const before = await accepted();
    for (let i = 0; i < 20; i++) await timed(() => store.acquire(wanted(`${i}`), 5));
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
    expect(await accepted()).toBe(before);
  });

  it('whose reply came while the event loop was blocked: the reply wins over the timeout', async () => {
    const { store } = await openStore(url);
    const direct = await openStore(server.url);
    await warmUp(store);
    const call = timed(() => direct.store.acquire(wanted(), 100));
    await new Promise((resolve) => process.nextTick(resolve)); // it is sent now
    const until = performance.now() + 400;
    while (performance.now() < until);
    const { value, error } = await call;
    expect(error).toBeUndefined();
    expect(value).toMatchObject({ status: 'granted' });
  });

  it('fails with one clear error that names the cause and reveals no secret', async () => {
    const { store } = await openStore(url);
    await server.kill();
    const { error } = await timed(() => store.acquire(wanted(), 300));
    expect(error?.message).toMatch(
      /^Redis at redis:\/\/127\.0\.0\.1:\d+\/0 did not carry out the command: .+\.$/,
    );
    expect(inspect(error, { depth: 9 })).not.toContain('evalsha');
  });

  it('to a server that closes every connection logs one error line', async () => {
    proxy.refuse(true);
    const { store, log } = await openStore(url);
    for (let i = 0; i < 5; i++) await timed(() => store.acquire(wanted(), 100));
    expect(log.errors).toHaveLength(1);
    expect(log.infos).toEqual([]);
    proxy.heal();
    expect(await store.acquire(wanted(), 3000)).toMatchObject({ status: 'granted' });
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
  });

  it('to a server that accepts it and then never answers fails in time, each time', async () => {
    const fake = await FakeRedis.start((command) =>
      /^(eval|ping)/i.test(command[0] ?? '') ? undefined : handshake(command),
    );
    const { manager, log } = await openManager(`redis://127.0.0.1:${fake.port}`, 200);
    for (let tick = 0; tick < 5; tick++) {
      const { ms } = await timed(() => manager.tryAcquire('lock', {}));
      expect(ms).toBeLessThan(200 + SLACK);
    }
    expect(log.errors).toHaveLength(1);
    expect(log.infos).toEqual([]);
  });

  async function accepted(): Promise<number> {
    const [, count] = /total_connections_received:(\d+)/.exec(await inspector().info('stats')) ?? [];
    return Number(count);
  }

  let cached: { of: RedisServer; client: ReturnType<RedisServer['client']> } | undefined;
  function inspector(): ReturnType<RedisServer['client']> {
    if (cached?.of !== server) cached = { of: server, client: server.client() };
    return cached.client;
  }
});

/** From here on the server knows the scripts, so that the first reply of a call is its last. */
async function warmUp(store: RedisLockStore): Promise<void> {
  const other = wanted('warm-up');
  await store.acquire(other, WITHIN);
  await store.release(other, WITHIN);
}
