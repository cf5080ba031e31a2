import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { OutageLog } from '../../../lib/common/outage-log.js';
import { LocalLockStore } from '../../../lib/stores/local/local-lock-store.js';
import type { AcquireRequest, LockStore, ReleaseRequest } from '../../../lib/stores/lock-store.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { startApp } from '../../support/apps.js';
import { eventually } from '../../support/eventually.js';
import { HANG } from '../../support/hang.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { ReplicaProcess } from '../../support/replica-process.js';

/** One acquisition, from its beginning to its end. */
type Wanted = AcquireRequest & ReleaseRequest;

const NAME = 'job';
const PREFIX = 'fencing';
/** Milliseconds that a call gets; the server may be starting meanwhile. */
const WITHIN = 10_000;
const LONG = 2 * HANG;
const SHORT = 100;
/** Grants under way at the same moment, on one connection. */
const PIPELINED = 1000;

let stores: LockStore[] = [];

afterEach(async () => {
  await ReplicaProcess.killAll();
  await Promise.all(stores.map((store) => store.close()));
  stores = [];
  await RedisServer.closeAll();
});

/** The server is killed: that is no news. */
const logger = { ...console, log: console.info, error: () => undefined };

describe('a fencing token of Redis', () => {
  let server: RedisServer;
  let client: Redis;
  let store: LockStore;
  beforeEach(async () => {
    // Its own, to be emptied and killed.
    server = await RedisServer.start();
    client = server.client();
    store = opened(
      await RedisLockStore.open({
        connection: server.url,
        prefix: PREFIX,
        outages: new OutageLog(logger),
        logger,
      }),
    );
  });

  it('grows with each of 100,000 grants', async () => {
    expectGrowth(await pipelinedFences(store, 100_000), 100_000);
  });

  it.each([
    ['a release', async (held: Wanted) => store.release(held, WITHIN)],
    ['the loss of the lock key', async () => client.del(`${PREFIX}:${NAME}`)],
    ['the loss of lock and state keys', async () => client.del(keys())],
    ['FLUSHALL', async () => client.flushall()],
    ['FLUSHALL ASYNC', async () => client.flushall('ASYNC')],
  ])('grows over %s, time after time', async (_, end) => {
    expectGrowth(await fencesOver(store, 100, end), 100);
  });

  it('grows over the loss of the state key while the lock is held', async () => {
    const fencingTokens = await fencesOver(store, 100, async (held) => {
      await client.del(`{${PREFIX}:${NAME}}:token`);
      await store.release(held, WITHIN);
    });
    expectGrowth(fencingTokens, 100);
  });

  it('grows over expiry', async () => {
    expectGrowth(await fencesOver(store, 5, expiry(store), SHORT), 5);
  });

  it('grows when Redis is killed and comes back empty', async () => {
    const fencingTokens = await fencesOver(store, 4, async () => {
      await server.kill();
      await server.restart();
      expect(await client.dbsize()).toBe(0);
    });
    expectGrowth(fencingTokens, 4);
  });

  it('grows over the death of a holder', async () => {
    const options = { redis: server.url, prefix: PREFIX, ttl: 500 };
    expectGrowth(await fencesOverDeaths(3, options), 3);
  });
});

describe('a fencing token of the local store', () => {
  let folder: string;
  let store: LockStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(process.env.TEST_RUN_FOLDER ?? tmpdir(), 'locks-'));
    store = opened(await LocalLockStore.open({ folder, prefix: PREFIX }));
  });

  it('grows with each of 2,000 grants', async () => {
    expectGrowth(await fencesOver(store, 5000, released(store)), 5000);
  });

  it('grows over expiry', async () => {
    expectGrowth(await fencesOver(store, 5, expiry(store), SHORT), 5);
  });

  it('grows over the death of a holder', async () => {
    expectGrowth(await fencesOverDeaths(3, { store: 'local', folder, prefix: PREFIX }), 3);
  });

  it('grows when its folder has been removed', async () => {
    const fencingTokens = [await fencingToken(store, request())];
    await store.close();
    await rm(folder, { recursive: true });
    store = opened(await LocalLockStore.open({ folder, prefix: PREFIX }));
    fencingTokens.push(await fencingToken(store, request()));
    expectGrowth(fencingTokens, 2);
  });
});

describe('a fencing token of the memory store', () => {
  it('grows with each of 100,000 grants', async () => {
    const store = opened(new MemoryLockStore());
    expectGrowth(await fencesOver(store, 100_000, released(store)), 100_000);
  });

  it('grows over expiry', async () => {
    const store = opened(new MemoryLockStore());
    expectGrowth(await fencesOver(store, 5, expiry(store), SHORT), 5);
  });
});

function opened(store: LockStore): LockStore {
  stores.push(store);
  return store;
}

function request(ttl = LONG): Wanted {
  return { name: NAME, owner: randomUUID().slice(4), holder: '{}', ttl, end: 'unfinished' };
}

function keys(): string[] {
  return [`${PREFIX}:${NAME}`, `{${PREFIX}:${NAME}}:token`];
}

/** The fencing token of one grant of the lock, which must be free. */
async function fencingToken(store: LockStore, wanted: Wanted): Promise<number> {
  const reply = await store.acquire(wanted, WITHIN);
  if (reply.status !== 'granted') throw new Error(`Expected a grant, got ${JSON.stringify(reply)}`);
  return reply.fencingToken;
}

/** Grants one after the other, and what ends each of them. */
async function fencesOver(
  store: LockStore,
  grants: number,
  end: (held: Wanted) => Promise<unknown>,
  ttl = LONG,
): Promise<number[]> {
  const fencingTokens: number[] = [];
  for (let i = 0; i < grants; i++) {
    const wanted = request(ttl);
    fencingTokens.push(await fencingToken(store, wanted));
    await end(wanted);
  }
  return fencingTokens;
}

/** Grants and releases in the order in which they are asked for, without waiting for the answers in between. */
async function pipelinedFences(store: LockStore, grants: number): Promise<number[]> {
  // The first call of a script is a different command, which would mix up the order.
  await fencesOver(store, 1, released(store));
  const fencingTokens: number[] = [];
  while (fencingTokens.length < grants) {
    const pairs = Array.from({ length: PIPELINED }, () => {
      const wanted = request();
      const granted = fencingToken(store, wanted);
      return Promise.all([granted, store.release(wanted, WITHIN)]);
    });
    for (const [granted, reply] of await Promise.all(pairs)) {
      if (reply !== 'held') throw new Error(`Released out of order: ${reply}`);
      fencingTokens.push(granted);
    }
  }
  return fencingTokens;
}

function released(store: LockStore): (held: Wanted) => Promise<unknown> {
  return (held) => store.release(held, WITHIN);
}

function expiry(store: LockStore): () => Promise<unknown> {
  return () => eventually(async () => (await store.inspect(NAME, WITHIN)) === null);
}

/** Each grant goes to a process of its own, which is then killed while it holds the lock. */
async function fencesOverDeaths(deaths: number, options: Parameters<typeof startApp>[1]): Promise<number[]> {
  const fencingTokens: number[] = [];
  for (let i = 0; i < deaths; i++) {
    const holder = startApp('contender', options);
    await holder.waitFor(({ event }) => event === 'ready');
    holder.send({ do: 'acquire', name: NAME, retry: 10 });
    const granted = await holder.waitFor(({ event }) => event === 'acquired');
    fencingTokens.push(Number(granted['fencingToken']));
    await holder.signal('SIGKILL');
    await holder.exit;
  }
  return fencingTokens;
}

/** All of them are there, safe integers, each higher than the one before. */
function expectGrowth(fencingTokens: readonly number[], grants: number): void {
  expect(fencingTokens).toHaveLength(grants);
  const stuck = fencingTokens.findIndex(
    (value, i) => !Number.isSafeInteger(value) || value <= (fencingTokens[i - 1] ?? 0),
  );
  expect(fencingTokens.slice(Math.max(0, stuck - 1), stuck + 1)).toEqual([]);
}
