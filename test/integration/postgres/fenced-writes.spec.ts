import { Pool, type PoolClient } from 'pg';
import { openLocks, type Lease, type OpenedLocks } from '../../../lib/locks/index.js';
import { assertHeldIn, postgresStore, updateFenced } from '../../../lib/stores/postgres/index.js';
import { eventually } from '../../support/eventually.js';
import { testPostgresUrl, uniqueSchema } from '../../support/postgres/test-postgres.js';

const LOCK = 'reports';
const PREFIX = 'shop';
const schema = uniqueSchema();
const place = { prefix: PREFIX, schema };
const table = `${schema}.reports`;

const logged: string[] = [];
const note = (message: string): void => void logged.push(message);
const logger = { log: note, warn: note, error: note };

let pool: Pool;
let locks: OpenedLocks;
let transaction: PoolClient;

beforeAll(async () => {
  pool = new Pool({ connectionString: testPostgresUrl() });
  locks = await openLocks({ store: postgresStore({ pool, schema }), prefix: PREFIX, logger });
  await locks.run('makes the table of locks', () => undefined);
  await pool.query(`CREATE TABLE ${table} (id int PRIMARY KEY, body text, fencing_token bigint)`);
});

beforeEach(async () => {
  logged.length = 0;
  await pool.query(`TRUNCATE ${table}`);
  await pool.query(`INSERT INTO ${table} VALUES (1, 'empty'), (2, 'empty')`);
  transaction = await pool.connect();
  await transaction.query('BEGIN');
});

afterEach(async () => {
  await transaction.query('ROLLBACK').catch(() => undefined);
  transaction.release(true);
  await pool.query(`DELETE FROM ${schema}.exclusive_lock`);
});

afterAll(async () => {
  await locks.close();
  await pool.query(`DROP SCHEMA ${schema} CASCADE`);
  await pool.end();
});

describe('a transaction that asserts a lease', () => {
  it('goes on while the lease holds its lock, as often as it asks', async () => {
    const lease = await acquired();
    for (const body of ['one', 'two']) {
      await assertHeldIn(transaction, lease, place);
      await write(body);
    }
    await transaction.query('COMMIT');
    expect(await bodies()).toEqual(['two', 'empty']);
    await lease.release();
  });

  it.each([
    ['taken', `fencing_token = fencing_token + 1`],
    ['expired', `expires_at = clock_timestamp() - interval '1 millisecond'`],
    ['released', `owner = NULL, expires_at = NULL`],
  ])('throws if the row says that the lease is %s', async (reason, change) => {
    const lease = await acquired();
    await pool.query(`UPDATE ${schema}.exclusive_lock SET ${change}`);
    await expect(assertHeldIn(transaction, lease, place)).rejects.toMatchObject({
      code: 'LOCK_LOST',
      reason,
    });
    await transaction.query('COMMIT');
    await lease.release();
  });

  it.each([
    ['its row is gone', place, () => pool.query(`DELETE FROM ${schema}.exclusive_lock`)],
    ['the prefix is not that of the locks', { ...place, prefix: 'other' }, () => undefined],
  ])('throws if %s', async (_why, where, change) => {
    const lease = await acquired();
    await change();
    const refused = assertHeldIn(transaction, lease, where);
    await expect(refused).rejects.toMatchObject({ code: 'LOCK_LOST', reason: 'vanished' });
    await lease.release();
  });

  it('keeps the lock from another holder until it ends, even when the lease has expired', async () => {
    const lease = await acquired();
    await assertHeldIn(transaction, lease, place);
    await expireMeanwhile(lease);
    expect(await locks.acquire(LOCK)).toBeNull();
    expect(await locks.inspect(LOCK)).toBeNull();
    expect(logged).toEqual([]);
    await write('by the first holder');
    await transaction.query('COMMIT');
    const next = await successor();
    expect(next.fencingToken).toBeGreaterThan(lease.fencingToken);
    expect(await bodies()).toEqual(['by the first holder', 'empty']);
    await next.release();
  });

  it('does not keep the lease from being renewed', async () => {
    const lease = await acquired(600);
    await assertHeldIn(transaction, lease, place);
    const until = await expiry();
    await eventually(async () => {
      await transaction.query('SELECT 1');
      return (await expiry()) > until;
    });
    expect(lease.held).toBe(true);
    await transaction.query('COMMIT');
    await lease.release();
  });

  it('holds back a release until it ends', async () => {
    const lease = await acquired();
    await assertHeldIn(transaction, lease, place);
    const released = lease.release();
    expect(await locks.acquire(LOCK)).toBeNull();
    await transaction.query('COMMIT');
    await released;
    const next = await successor();
    await next.release();
  });

  it('is ended by the server if it is idle for as long as the lease would have lasted', async () => {
    const lease = await acquired(1000);
    await assertHeldIn(transaction, lease, place);
    await write('too late');
    await lease.release();
    const next = await successor();
    await expect(transaction.query('COMMIT')).rejects.toThrow();
    expect(await bodies()).toEqual(['empty', 'empty']);
    await next.release();
  });

  it('keeps a shorter time limit of its own for being idle', async () => {
    const lease = await acquired();
    await transaction.query(`SET LOCAL idle_in_transaction_session_timeout = '2s'`);
    await assertHeldIn(transaction, lease, place);
    const { rows } = await transaction.query('SHOW idle_in_transaction_session_timeout');
    expect(rows).toEqual([{ idle_in_transaction_session_timeout: '2s' }]);
    await transaction.query('COMMIT');
    await lease.release();
  });

  it('throws if there is none, because that would protect nothing', async () => {
    const lease = await acquired();
    await transaction.query('COMMIT');
    for (const outside of [transaction, pool])
      await expect(assertHeldIn(outside, lease, place)).rejects.toMatchObject({ code: 'LOCK_CONFIGURATION' });
    await lease.release();
  });
});

describe('a fenced update', () => {
  it('writes the rows and their token, and any number of times', async () => {
    const lease = { name: LOCK, fencingToken: 7 };
    for (const body of ['one', 'two'])
      expect(await updateFenced(pool, lease, { table, set: { body }, where: { id: 1 } })).toBe(1);
    expect((await pool.query(`SELECT * FROM ${table} WHERE id = 1`)).rows).toEqual([
      { id: 1, body: 'two', fencing_token: '7' },
    ]);
  });

  it('throws if a newer holder has written the row, and writes nothing', async () => {
    await update(8, 'new');
    await expect(update(7, 'old')).rejects.toMatchObject({ code: 'LOCK_LOST', reason: 'taken' });
    expect(await bodies()).toEqual(['new', 'empty']);
  });

  it('throws if a newer holder commits while it waits for the row', async () => {
    await update(8, 'new', { through: transaction });
    const refused = expect(update(7, 'old')).rejects.toMatchObject({ code: 'LOCK_LOST' });
    await eventually(async () => (await waitingForLocks()) > 0);
    await transaction.query('COMMIT');
    await refused;
    expect(await bodies()).toEqual(['new', 'empty']);
  });

  it('does nothing the second time if each lease writes once', async () => {
    expect(await update(7, 'first', { once: true })).toBe(1);
    expect(await update(7, 'second', { once: true })).toBe(0);
    expect(await update(8, 'third', { once: true })).toBe(1);
    await expect(update(7, 'fourth', { once: true })).rejects.toMatchObject({ code: 'LOCK_LOST' });
    expect(await bodies()).toEqual(['third', 'empty']);
  });

  it('writes no row where there is none, and throws nothing', async () => {
    const nowhere = { table, set: { body: 'x' }, where: { id: 3 } };
    expect(await updateFenced(pool, { name: LOCK, fencingToken: 7 }, nowhere)).toBe(0);
  });

  it('takes the names of columns for nothing but names', async () => {
    const set = { "body = 'all' --\"": 'x' };
    const written = updateFenced(pool, { name: LOCK, fencingToken: 7 }, { table, set, where: { id: 1 } });
    await expect(written).rejects.toThrow(/column .* does not exist/);
    expect(await bodies()).toEqual(['empty', 'empty']);
  });

  it.each([
    ['no condition', { table, set: { body: 'x' }, where: {} }],
    ['a condition without a value', { table, set: { body: 'x' }, where: { id: undefined } }],
    ['a column without a value', { table, set: { body: undefined }, where: { id: 1 } }],
    ['no table', { table: '', set: {}, where: { id: 1 } }],
    ['an option that does not exist', { table, set: {}, where: { id: 1 }, tokencolumn: 'token' }],
  ])('refuses %s', async (_what, wrong) => {
    const written = updateFenced(pool, { name: LOCK, fencingToken: 7 }, wrong);
    await expect(written).rejects.toMatchObject({ code: 'LOCK_CONFIGURATION' });
    expect(await bodies()).toEqual(['empty', 'empty']);
  });
});

async function acquired(ttl = 60_000): Promise<Lease> {
  return (await locks.acquire(LOCK, { ttl }))!;
}

/** The next holder, as soon as there can be one. */
async function successor(): Promise<Lease> {
  let lease: Lease | null = null;
  await eventually(async () => (lease = await locks.acquire(LOCK)) !== null);
  return lease!;
}

/** Writes the first row, with this fencing token. */
function update(
  fencingToken: number,
  body: string,
  { once = false, through = pool }: { once?: boolean; through?: Pool | PoolClient } = {},
): Promise<number> {
  return updateFenced(
    through,
    { name: LOCK, fencingToken },
    { table, set: { body }, where: { id: 1 }, once },
  );
}

async function write(body: string): Promise<void> {
  await transaction.query(`UPDATE ${table} SET body = $1 WHERE id = 1`, [body]);
}

async function bodies(): Promise<string[]> {
  const { rows } = await pool.query<{ body: string }>(`SELECT body FROM ${table} ORDER BY id`);
  return rows.map(({ body }) => body);
}

/** The holder does not renew it any more, and its time passes: as if it had been stopped. */
async function expireMeanwhile(lease: Lease): Promise<void> {
  await pool.query(
    `UPDATE ${schema}.exclusive_lock SET expires_at = clock_timestamp() WHERE fencing_token = $1`,
    [lease.fencingToken],
  );
}

/** When the lock expires. */
async function expiry(): Promise<number> {
  const { rows } = await pool.query<{ expires_at: Date }>(`SELECT expires_at FROM ${schema}.exclusive_lock`);
  return rows[0].expires_at.getTime();
}

async function waitingForLocks(): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(
    `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${schema}%'`,
  );
  return Number(rows[0].count);
}
