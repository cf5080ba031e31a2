import type { Client } from 'pg';
import { PostgresConnections } from '../../../lib/stores/postgres/postgres-connections.js';
import { PostgresDatabase } from '../../../lib/stores/postgres/postgres-database.js';
import { placeOf } from '../../../lib/stores/postgres/postgres-place.js';
import { sweepPage } from '../../../lib/stores/postgres/postgres-sweeper.js';
import type { LockStore } from '../../../lib/stores/lock-store.js';
import {
  WITHIN,
  ended,
  granted,
  recorded,
  request,
  tickClaim,
} from '../../../lib/testing/store-contract/subject.js';
import { countingClient, poolOf } from '../../support/postgres/counting-client.js';
import {
  connected,
  openPostgres,
  testPostgresUrl,
  uniqueSchema,
} from '../../support/postgres/test-postgres.js';

const connectionString = testPostgresUrl();
let client: Client;
let schema: string;
let store: LockStore;
let sent: string[];

beforeEach(async () => {
  client = await connected();
  schema = uniqueSchema();
  const counting = countingClient();
  ({ sent } = counting);
  store = await openPostgres({ pool: poolOf(counting.Counting, connectionString), schema });
  await granted(store, request('warm up'));
  sent.length = 0;
});
afterEach(async () => {
  await store.close();
  await client.query(`DROP SCHEMA ${schema} CASCADE`);
  await client.end();
});

const taken = (): string[] => sent.splice(0).map((name) => name.replace('exclusive_lock_', ''));

describe('the statements', () => {
  it('of a lock that is taken and given back are three', async () => {
    for (const statements of [
      ['readOne', 'write', 'free'],
      ['readOne', 'writeOne', 'free'],
    ]) {
      const holder = request('job');
      await granted(store, holder);
      await store.release(ended(holder), WITHIN);
      expect(taken()).toEqual(statements);
    }
  });

  it('of a try that finds the lock busy are one', async () => {
    await granted(store, request('job'));
    taken();
    await store.acquire(request('job'), WITHIN);
    expect(taken()).toEqual(['readOne']);
  });

  it('of a tick with its record are four, and of a replica that loses it one', async () => {
    const tick = async (): Promise<void> => {
      const claim = recorded(tickClaim(Date.now()));
      const holder = request('job', { claim });
      const fencingToken = await granted(store, holder);
      const run = { fencingToken, outcome: 'succeeded' as const };
      await store.release({ ...ended(holder, 'completed'), run }, WITHIN);
    };
    await tick();
    taken();
    await tick();
    expect(taken()).toEqual(['readOne', 'writeOne', 'readOne', 'writeOne']);
    await store.acquire(request('job', { claim: recorded(tickClaim(Date.now() - 1000)) }), WITHIN);
    expect(taken()).toEqual(['readOne']);
  });

  it('of a thousand locks that are renewed at once are one', async () => {
    const holders = Array.from({ length: 1000 }, (_, i) => request(`lock ${i}`));
    await Promise.all(holders.map((holder) => granted(store, holder)));
    taken();
    const replies = await store.renew(holders, WITHIN);
    expect(new Set(replies)).toEqual(new Set(['held']));
    expect(taken()).toEqual(['renew']);
  });
});

async function names(): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM ${schema}.exclusive_lock ORDER BY name`,
  );
  return rows.map(({ name }) => name);
}

/** `kept`, `held`: intervals from now until when the row is needed, and until when it is held, if it is. */
async function putRow(name: string, kept: string, held: string | null): Promise<void> {
  await client.query(
    `INSERT INTO ${schema}.exclusive_lock (name, version, owner, fencing_token, expires_at, keep_until, ledger)
     VALUES ($1, 1, 'owner', 1, now() + $3::interval, now() + $2::interval, '')`,
    [name, kept, held],
  );
}

describe('rows that are of no use any more', () => {
  let connections: PostgresConnections;
  let database: PostgresDatabase;

  beforeEach(async () => {
    const place = await placeOf({ connectionString, schema }, 'test');
    connections = new PostgresConnections(place);
    database = new PostgresDatabase(connections, place);
  });
  afterEach(() => connections.close());

  it('are removed, and no others', async () => {
    await client.query(`DELETE FROM ${schema}.exclusive_lock`);
    await putRow('expired a day ago', '-1 hour', '-25 hours');
    await putRow('expired an hour ago', '-1 minute', '-1 hour');
    await putRow('free, and not needed', '-1 second', null);
    await putRow('free, and needed', '1 hour', null);
    await putRow('held', '-1 second', '1 hour');
    expect(await sweepPage(database, '')).toBe('held');
    expect(await names()).toEqual(['expired an hour ago', 'free, and needed', 'held']);
    expect(await sweepPage(database, 'held')).toBeUndefined();
  });

  it('are looked for a thousand at a time', async () => {
    await client.query(
      `INSERT INTO ${schema}.exclusive_lock (name, version, fencing_token, keep_until, ledger)
       SELECT 'lock ' || to_char(i, 'FM0000'), 1, 1, now() - interval '1 hour', '' FROM generate_series(1, 1500) AS i`,
    );
    expect(await sweepPage(database, 'lock ')).toBe('lock 1000');
    expect(await names()).toHaveLength(501);
  });

  it('are left alone while a transaction has them locked', async () => {
    await putRow('locked', '-1 second', null);
    await client.query(`BEGIN; SELECT FROM ${schema}.exclusive_lock FOR KEY SHARE`);
    await sweepPage(database, '');
    await client.query('COMMIT');
    expect(await names()).toContain('locked');
  });
});

it('no plan reads the whole table, although the first were made while it was empty', async () => {
  const seen = async (): Promise<string> => {
    const { rows } = await client.query<{ read: string }>(
      `SELECT pg_stat_get_tuples_returned('${schema}.exclusive_lock'::regclass) AS read`,
    );
    return rows[0].read;
  };
  const before = await seen();
  const holders = Array.from({ length: 300 }, (_, i) => request(`lock ${i}`));
  await Promise.all(holders.map((holder) => granted(store, holder)));
  for (let i = 0; i < 10; i++) {
    await store.renew(holders, WITHIN);
    await Promise.all(holders.map(({ name }) => store.acquire(request(name), WITHIN)));
  }
  await Promise.all(holders.map((holder) => store.release(ended(holder), WITHIN)));
  // Sessions report what they have done when they end, at the latest.
  await store.close();
  await client.query('SELECT pg_stat_clear_snapshot()');
  expect(await seen()).toBe(before);
});
