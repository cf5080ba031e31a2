import type { Client } from 'pg';
import { WITHIN, ended, granted, request } from '../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../support/eventually.js';
import type { LockStore } from '../../../lib/stores/lock-store.js';
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

beforeEach(async () => {
  client = await connected();
  schema = uniqueSchema();
  store = await openPostgres({ connectionString, schema });
});
afterEach(async () => {
  await store.close();
  await client.query(`DROP SCHEMA ${schema} CASCADE`);
  await client.end();
});

/** Makes the next writes fail with an error of this code. */
async function failWrites(code: string, times: number): Promise<void> {
  // What a sequence has counted stays, although the statement fails.
  await client.query(`
    CREATE SEQUENCE ${schema}.failed;
    CREATE FUNCTION ${schema}.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('${schema}.failed') <= ${times} THEN
        RAISE EXCEPTION 'no such luck' USING ERRCODE = '${code}';
      END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON ${schema}.exclusive_lock
      FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.fail()`);
}

describe('an acquisition survives', () => {
  it.each([
    ['a serialization failure', '40001'],
    ['a deadlock', '40P01'],
    ['a statement that is cancelled', '57014'],
    ['a session that an operator ends', '57P01'],
    ['a server that starts', '57P03'],
    ['a server that is read-only for a while, as in a failover', '25006'],
    ['a server that is out of memory', '53200'],
    ['a prepared statement that is lost', '26000'],
    ['an error that is known to nobody', 'XX000'],
  ])('%s (%s)', async (_, code) => {
    await failWrites(code, 3);
    const holder = request('job');
    await granted(store, holder);
    expect(await store.release(ended(holder), WITHIN)).toBe('held');
  });
});

describe('a server that refuses for longer', () => {
  it.each([
    ['25006', false, /takes no writes.*address of the primary/],
    ['40001', false, /no such luck \(40001\)/],
    ['53100', false, /no such luck \(53100\)/],
    // The session may have ended after the commit.
    ['57P01', true, /no such luck \(57P01\)/],
  ])('is named with its error %s when the time is over', async (code, mayHaveRun, message) => {
    await failWrites(code, 1_000_000);
    // An attempt that is cut short by the end of the time tells that instead.
    await eventually(() =>
      expect(store.acquire(request('job'), 300)).rejects.toMatchObject({
        code: 'LOCK_STORE',
        mayHaveRun,
        message: expect.stringMatching(message),
      }),
    );
  });

  it('is not asked ever faster while it ends each session', async () => {
    await failWrites('57P01', 1_000_000);
    await store.acquire(request('job'), 2000).catch(() => undefined);
    const { rows } = await client.query<{ tries: string }>(
      `SELECT last_value AS tries FROM ${schema}.failed`,
    );
    expect(Number(rows[0].tries)).toBeLessThan(15);
  });
});

async function refusedAs(role: string, create: string): Promise<[error: unknown, lines: string[]]> {
  const url = new URL(connectionString);
  url.username = role;
  const lines: string[] = [];
  if (create) await client.query(create);
  const refused = await openPostgres({ connectionString: url.href, schema }, { lines });
  try {
    return [await refused.acquire(request('job'), 300).catch((error: unknown) => error), lines];
  } finally {
    await refused.close();
    if (create) await client.query(`DROP ROLE ${role}`);
  }
}

describe('a login that is refused', () => {
  it('says at start and in each call that there is no such role', async () => {
    const [error, lines] = await refusedAs('nobody_at_all', '');
    expect(error).toMatchObject({
      permanent: true,
      message: expect.stringMatching(/role "nobody_at_all" does not exist/),
    });
    expect(lines).toEqual([expect.stringMatching(/unavailable: role "nobody_at_all" does not exist/)]);
  });

  it('says that all connections are in use, and what to do', async () => {
    const [error] = await refusedAs(`few_${schema}`, `CREATE ROLE few_${schema} LOGIN CONNECTION LIMIT 0`);
    expect(error).toMatchObject({
      permanent: false,
      mayHaveRun: false,
      message: expect.stringMatching(/too many connections for role .*\(53300\).*up to 3 for each process/),
    });
  });
});

describe('settings of the role or the database', () => {
  it.each([
    ['a stricter isolation', "default_transaction_isolation = 'serializable'"],
    ['a commit that does not wait for the disk', 'synchronous_commit = off'],
    ['an end of sessions that are idle', 'idle_session_timeout = 100'],
    ['a short time for statements', 'statement_timeout = 900'],
  ])('such as %s do not reach the store', async (_, setting) => {
    const role = `role_${schema}`;
    await client.query(`CREATE ROLE ${role} LOGIN SUPERUSER; ALTER ROLE ${role} SET ${setting}`);
    const url = new URL(connectionString);
    url.username = role;
    const [name] = setting.split(' ');
    const theirs = await openPostgres({ connectionString: url.href, schema });
    try {
      await client.query(`
        CREATE TABLE ${schema}.seen (value text);
        CREATE FUNCTION ${schema}.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          INSERT INTO ${schema}.seen VALUES (current_setting('${name}')); RETURN NULL; END $$;
        CREATE TRIGGER see AFTER INSERT ON ${schema}.exclusive_lock
          FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.see()`);
      await granted(theirs, request('job'));
      const { rows } = await client.query<{ value: string }>(`SELECT value FROM ${schema}.seen`);
      expect(rows[0].value).toMatch(/^(read committed|on|0|\d+(\.\d+)?m?s)$/);
      expect(rows[0].value).not.toBe('900ms');
    } finally {
      await theirs.close();
      await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});
