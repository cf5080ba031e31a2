import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { ownTime } from '../../support/own-time.js';
import { engineGuardsScripts } from '../../support/redis/engine.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { FakeRedis, handshake } from './support/fake-redis.js';
import {
  closeEverything,
  openManager,
  openStore,
  repeatedly,
  SLACK,
  timed,
  wanted,
  WITHIN,
} from './support/redis-stores.js';

const onGuarded = (await engineGuardsScripts()) ? it : it.skip;

afterEach(closeEverything);

describe('a Redis that is away', () => {
  it('because it crashed: calls fail in time, and succeed within seconds of its return', async () => {
    const server = await RedisServer.start({ appendonly: true });
    const { store, log } = await openStore(server.url);
    const mine = wanted();
    await store.acquire(mine, WITHIN);
    await server.kill();

    const { error, ms } = await timed(() => store.acquire(wanted('other'), 400));
    expect(error).toMatchObject({ code: 'LOCK_STORE', mayHaveRun: false, cause: { code: 'ECONNREFUSED' } });
    expect(ms).toBeLessThan(400 + SLACK);

    await server.restart();
    const back = await timed(() => store.acquire(wanted(), 3000));
    expect(back.value).toMatchObject({ status: 'busy', owner: mine.owner });
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
  });

  it('at start: the store opens all the same, and works when Redis is there', async () => {
    const server = await RedisServer.start();
    await server.kill();
    const opening = await timed(() => openStore(server.url));
    expect(opening.ms).toBeLessThan(1000);
    const { store, log } = opening.value!;
    expect((await timed(() => store.acquire(wanted(), 200))).error).toMatchObject({ mayHaveRun: false });
    await server.restart();
    expect(await store.acquire(wanted(), 3000)).toMatchObject({ status: 'granted' });
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
  });

  it('for 20 concurrent callers and several ticks: one error line, one line when it is back', async () => {
    const server = await RedisServer.start();
    const { manager, log } = await openManager(server.url, 1000);
    await server.kill();
    for (let tick = 0; tick < 4; tick++) {
      const calls = Array.from({ length: 20 }, (_, i) => manager.tryAcquire(`lock-${i}`, {}));
      for (const call of await Promise.all(calls))
        expect(call).toMatchObject({ reason: 'store-unavailable' });
    }
    expect([log.errors.length, log.infos.length]).toEqual([1, 0]);
    await server.restart();
    await eventually(async () => (await manager.tryAcquire('lock', {})).status === 'acquired');
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
    expect(log.errors[0]).toContain('ECONNREFUSED');
    expect(log.infos[0]).toMatch(/is back after \d/);
  });

  it('for less than the time of a call: the caller does not notice', async () => {
    const server = await RedisServer.start();
    const { store } = await openStore(server.url);
    await server.kill();
    const call = store.acquire(wanted(), 5000);
    await server.restart();
    expect(await call).toMatchObject({ status: 'granted' });
  });
});

describe('a Redis that is stopped', () => {
  it('longer than a call may take: the call fails in time, and its release leaves nothing behind', async () => {
    const server = await RedisServer.start();
    const { store } = await openStore(server.url);
    const mine = wanted();
    await server.pause();
    const { error, ms, elapsed } = await timed(() => store.acquire(mine, 500));
    expect(error).toMatchObject({ code: 'LOCK_STORE', mayHaveRun: true, cause: expect.any(Error) });
    expect(elapsed).toBeGreaterThanOrEqual(499);
    expect(ms).toBeLessThan(500 + SLACK);

    const release = store.release(mine, 5000);
    server.resume();
    await release;
    expect(await server.client().exists('locks:lock')).toBe(0);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted' });
  });

  it('gets the lock back by itself through the manager, which logs one line at each end', async () => {
    const server = await RedisServer.start();
    const { manager, log } = await openManager(server.url, 1000);
    await server.pause();
    for (let tick = 0; tick < 4; tick++) {
      expect(await manager.tryAcquire('lock', {})).toMatchObject({ reason: 'store-unavailable' });
    }
    server.resume();
    await eventually(async () => (await server.client().exists('locks:lock')) === 0);
    await eventually(async () => (await manager.tryAcquire('lock', {})).status === 'acquired');
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
  });

  it('for less than the time of a call: the same acquisition is granted', async () => {
    const server = await RedisServer.start();
    const { store } = await openStore(server.url);
    await server.pause();
    const call = store.acquire(wanted(), 5000);
    await new Promise(setImmediate);
    server.resume();
    expect(await call).toMatchObject({ status: 'granted' });
  });
});

describe('a Redis that forgets its scripts', () => {
  it('between calls: no call fails', async () => {
    const server = await RedisServer.start();
    const { store } = await openStore(server.url);
    const mine = wanted();
    const flush = (): Promise<unknown> => server.client().script('FLUSH');
    expect(await store.acquire(mine, WITHIN)).toMatchObject({ status: 'granted' });
    await flush();
    expect(await store.renew([mine], WITHIN)).toEqual(['held']);
    await flush();
    expect(await store.inspect('lock', WITHIN)).toMatchObject({ owner: mine.owner });
    await flush();
    expect(await store.release(mine, WITHIN)).toBe('held');
  });

  it('again and again under 200 concurrent calls: no call fails', async () => {
    const server = await RedisServer.start();
    const { store } = await openStore(server.url);
    const admin = server.client();
    const flushing = repeatedly(() => admin.script('FLUSH'));
    for (let round = 0; round < 5; round++) {
      const calls = Array.from({ length: 200 }, (_, i) => store.acquire(wanted(`${round}-${i}`), 3000));
      for (const reply of await Promise.all(calls)) expect(reply).toMatchObject({ status: 'granted' });
    }
    await flushing.stop();
  });
});

describe('a Redis that refuses', () => {
  let server: RedisServer;
  let admin: Redis;
  beforeEach(async () => {
    server = await RedisServer.start({ args: ['--dbfilename', 'blocked.rdb'] });
    admin = server.client();
  });

  /** Five ticks while it refuses, then one when it does not: what callers get, and what the operator reads. */
  async function survives(code: string, refuse: () => Promise<unknown>, allow: () => Promise<unknown>) {
    const { manager, log } = await openManager(server.url, 1000);
    await refuse();
    for (let tick = 0; tick < 5; tick++) {
      const { value, ms } = await timed(() => manager.tryAcquire('lock', {}));
      expect(value).toMatchObject({ reason: 'store-unavailable', error: { code: 'LOCK_STORE' } });
      expect(String((value as { error?: Error }).error?.message)).toContain(code);
      expect(ms).toBeLessThan(1000 + SLACK);
    }
    expect([log.errors.length, log.infos.length]).toEqual([1, 0]);
    expect(log.errors[0]).toContain(code);
    await allow();
    await eventually(async () => (await manager.tryAcquire('lock', {})).status === 'acquired');
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
  }

  it('as a replica (-READONLY) is survived, without a reconnect for each refusal', async () => {
    const other = await RedisServer.start();
    let before = 0;
    await survives(
      'READONLY',
      async () => {
        await admin.replicaof('127.0.0.1', other.port);
        await eventually(async () => (await admin.info('replication')).includes('master_link_status:up'));
        before = await connectionsOf(admin);
      },
      async () => {
        // 5 s have passed.
        expect((await connectionsOf(admin)) - before).toBeLessThanOrEqual(5);
        await admin.replicaof('NO', 'ONE');
      },
    );
  });

  it('for lack of memory (-OOM) is survived', () =>
    survives(
      'OOM',
      () => admin.config('SET', 'maxmemory', '1'),
      () => admin.config('SET', 'maxmemory', '0'),
    ));

  it('because it cannot save (-MISCONF) is survived', async () => {
    const [, folder = ''] = (await admin.config('GET', 'dir')) as string[];
    const obstacle = join(folder, 'blocked.rdb');
    const save = async (status: string): Promise<void> => {
      await admin.bgsave();
      await eventually(async () => (await admin.info()).includes(`rdb_last_bgsave_status:${status}`));
    };
    await survives(
      'MISCONF',
      async () => {
        mkdirSync(join(obstacle, 'full'), { recursive: true });
        await admin.config('SET', 'save', '3600 1000000');
        await save('err');
      },
      async () => {
        rmSync(obstacle, { recursive: true });
        await save('ok');
      },
    );
  });

  onGuarded('because it has too few replicas (-NOREPLICAS) is survived', () =>
    survives(
      'NOREPLICAS',
      () => admin.config('SET', 'min-replicas-to-write', '1'),
      () => admin.config('SET', 'min-replicas-to-write', '0'),
    ),
  );

  it('because a password is needed now (-NOAUTH) is survived', () =>
    survives(
      'NOAUTH',
      async () => {
        await admin.config('SET', 'requirepass', 'new');
        await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      },
      () => admin.config('SET', 'requirepass', ''),
    ));

  it('while it loads its data (-LOADING) is survived', async () => {
    // It answers once for each 2 MB, or more often.
    const slow = await RedisServer.start({ args: ['--key-load-delay', '2000', '--rdbcompression', 'no'] });
    const data = slow.client();
    const values = Array.from({ length: 3000 }, (_, i) => [`key-${i}`, 'x'.repeat(4000)]).flat();
    await data.mset(...values);
    await data.save();
    const { manager, log } = await openManager(slow.url, 800);
    await slow.kill();
    const restarted = slow.restart();
    await eventually(async () => (await probe(slow)).includes('LOADING'));
    const start = ownTime();
    for (let tick = 0; tick < 5; tick++) {
      expect(await manager.tryAcquire('lock', {})).toMatchObject({ reason: 'store-unavailable' });
    }
    expect(ownTime() - start).toBeLessThan(5 * (800 + SLACK));
    await restarted;
    await eventually(async () => (await manager.tryAcquire('lock', {})).status === 'acquired');
    expect([log.errors.length, log.infos.length]).toEqual([1, 1]);
  });
});

describe('a refusal on a connection that stays open', () => {
  const granted = '*1\r\n:7\r\n';
  const refusing = (refusal: string) => (command: string[], connection: number) => {
    if (!/^eval/i.test(command[0] ?? '')) return handshake(command);
    return connection === 1 ? `-${refusal}\r\n` : granted;
  };

  it.each([
    'NOAUTH Authentication required.',
    "READONLY You can't write against a read only replica.",
    // Redis 5, 6 and KeyDB
    "ERR Error running script (call to f_8c63a51): @user_script:1: @user_script: 1: -READONLY You can't write against a read only replica.",
  ])('is cured within the same call by another connection, if that can help: %s', async (refusal) => {
    const fake = await FakeRedis.start(refusing(refusal));
    const { store, log } = await openStore(`redis://127.0.0.1:${fake.port}`);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted', fencingToken: 7 });
    expect(log.all).toBe('');
  });

  it('is waited out if it ends by itself', async () => {
    let refusals = 0;
    const fake = await FakeRedis.start((command) => {
      if (!/^eval/i.test(command[0] ?? '')) return handshake(command);
      return ++refusals <= 3 ? '-LOADING Redis is loading the dataset in memory\r\n' : granted;
    });
    const { store } = await openStore(`redis://127.0.0.1:${fake.port}`);
    expect(await store.acquire(wanted(), WITHIN)).toMatchObject({ status: 'granted', fencingToken: 7 });
  });

  it('ends a call at once if it does not end by itself, and has certainly done nothing', async () => {
    const fake = await FakeRedis.start((command) =>
      /^eval/i.test(command[0] ?? '') ? '-OOM command not allowed\r\n' : handshake(command),
    );
    const { store } = await openStore(`redis://127.0.0.1:${fake.port}`);
    const { error, ms } = await timed(() => store.acquire(wanted(), WITHIN));
    expect(error).toMatchObject({ code: 'LOCK_STORE', mayHaveRun: false, cause: { name: 'ReplyError' } });
    expect(ms).toBeLessThan(SLACK);
  });
});

async function connectionsOf(admin: Redis): Promise<number> {
  const [, count] = /total_connections_received:(\d+)/.exec(await admin.info('stats')) ?? [];
  return Number(count);
}

async function probe(server: RedisServer): Promise<string> {
  const client = new Redis(server.url, { enableReadyCheck: false, retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    return await client.get('x').then(String, String);
  } finally {
    client.disconnect();
  }
}
