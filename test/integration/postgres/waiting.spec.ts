import type { Client } from 'pg';
import { Client as PgClient } from 'pg';
import type { LockStore, QueueGrant } from '../../../lib/stores/lock-store.js';
import { WITHIN, ended, granted, request } from '../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../support/eventually.js';
import { countingClient, poolOf } from '../../support/postgres/counting-client.js';
import {
  connected,
  openPostgres,
  testPostgresUrl,
  uniqueSchema,
} from '../../support/postgres/test-postgres.js';

const connectionString = testPostgresUrl();
const stores: LockStore[] = [];
let client: Client;
let schema: string;

beforeEach(async () => {
  client = await connected();
  schema = uniqueSchema();
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await client.end();
});

async function open(options: object = {}, lines: string[] = []): Promise<LockStore> {
  const store = await openPostgres({ connectionString, schema, ...options }, { lines });
  stores.push(store);
  return store;
}

/** Waits for a lock as an acquisition does: it asks again at all news. */
async function queued(store: LockStore, name = 'job'): Promise<{ owner: string; grants: QueueGrant[] }> {
  const wanted = request(name);
  const { owner } = wanted;
  const began = performance.now();
  const ask = (): Promise<unknown> =>
    store.acquire({ ...wanted, waited: performance.now() - began }, WITHIN).catch(() => undefined);
  const grants: QueueGrant[] = [];
  store.queue!.watch(name, (grant) => (grant?.owner === owner ? grants.push(grant) : void ask()));
  await ask();
  await eventually(async () => (await processOf(owner)) !== undefined);
  return { owner, grants };
}

/** What names the process of a waiter in the row; null if it does not listen. */
async function processOf(owner: string, name = 'job'): Promise<string | null | undefined> {
  const { rows } = await client.query<{ ledger: string }>(
    `SELECT ledger FROM ${schema}.exclusive_lock WHERE name = $1`,
    [`test:${name}`],
  );
  const { queue = [] } = JSON.parse(rows[0].ledger) as { queue?: { owner: string; process?: string }[] };
  return queue.find((waiter) => waiter.owner === owner)?.process;
}

/** Ends the session that listens for this process. */
async function endListening(process: string): Promise<void> {
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
       AND (classid::bigint << 32) | objid::bigint = $1`,
    [process],
  );
}

describe('a waiter', () => {
  it('is told of its grant in the statement that gives it the lock', async () => {
    const [holding, waiting] = [await open(), await open()];
    const holder = request('job');
    await granted(holding, holder);
    const { owner, grants } = await queued(waiting);
    await holding.release(ended(holder), WITHIN);
    await eventually(() => grants.length > 0);
    expect(grants).toEqual([{ owner, fencingToken: expect.any(Number), keptFor: 5000 }]);
    expect(await holding.inspect('job', WITHIN)).toMatchObject({
      owner,
      fencingToken: grants[0].fencingToken,
    });
  });

  it('hears of its grant although its listening session was ended while it waited', async () => {
    const [holding, waiting] = [await open(), await open()];
    const holder = request('job');
    await granted(holding, holder);
    const { owner, grants } = await queued(waiting);
    const before = (await processOf(owner))!;
    await endListening(before);
    await eventually(async () => {
      const now = await processOf(owner);
      return now !== undefined && now !== before;
    });
    await holding.release(ended(holder), WITHIN);
    await eventually(() => grants.length > 0);
    expect((await holding.inspect('job', WITHIN))?.owner).toBe(owner);
  });

  it('is passed over once its process has ended, and the next one has the lock at once', async () => {
    const [holding, dying, living] = [await open(), await open(), await open()];
    const holder = request('job');
    await granted(holding, holder);
    const dead = await queued(dying);
    const next = await queued(living);
    await dying.close();
    await eventually(async () => {
      const { rows } = await client.query(
        'SELECT FROM pg_locks WHERE objid = ($1::bigint & 4294967295)::oid',
        [await processOf(dead.owner)],
      );
      return rows.length === 0;
    });
    await holding.release(ended(holder), WITHIN);
    await eventually(() => next.grants.length > 0);
    expect((await holding.inspect('job', WITHIN))?.owner).toBe(next.owner);
  });
});

async function waitsBehind(options: object): Promise<string[]> {
  const lines: string[] = [];
  const [holding, waiting] = [await open(), await open(options, lines)];
  const holder = request('job');
  await granted(holding, holder);
  const wanted = request('job');
  let news = 0;
  waiting.queue!.watch('job', () => news++);
  expect(await waiting.acquire({ ...wanted, waited: 0 }, WITHIN)).toMatchObject({ queued: true });
  await holding.release(ended(holder), WITHIN);
  await eventually(() => news > 1);
  await granted(waiting, wanted);
  return lines;
}

describe('behind a transaction pooler', () => {
  /** A pooler tells clients of process ids that are not the server's. */
  class Pooled extends PgClient {
    get processID(): number {
      return 1;
    }
    set processID(_: number) {}
  }

  it('a waiter asks by itself, and one line says why, if the option says so', async () => {
    const lines = await waitsBehind({ pooler: true });
    expect(lines).toEqual([expect.stringMatching(/ten times a second, because LISTEN does not work/)]);
  });

  it('it is found out', async () => {
    const lines = await waitsBehind({ connectionString: undefined, pool: poolOf(Pooled, connectionString) });
    expect(lines).toEqual([
      expect.stringMatching(/because there is a connection pooler in between.*pooler: false/),
    ]);
  });

  it('nothing is set in a session that others get, and no statement is prepared', async () => {
    const { Counting, sent } = countingClient();
    const pool = poolOf(Counting, connectionString);
    const store = await open({ connectionString: undefined, pool, pooler: true });
    await granted(store, request('job'));
    expect(sent.filter((text) => /set_config|^exclusive_lock/.test(text))).toEqual([]);
    expect(sent.length).toBeGreaterThan(2);
  });
});
