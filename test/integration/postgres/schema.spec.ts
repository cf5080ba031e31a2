import type { Client } from 'pg';
import { postgresSchema } from 'nestjs-exclusive-lock/postgres';
import { WITHIN, ended, granted, request } from '../../../lib/testing/store-contract/subject.js';
import type { LockStore } from '../../../lib/stores/lock-store.js';
import { eventually } from '../../support/eventually.js';
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
let role: string;

beforeEach(async () => {
  client = await connected();
  schema = uniqueSchema();
  role = `role_${schema}`;
  await client.query(`CREATE ROLE ${role} LOGIN`);
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; DROP OWNED BY ${role}; DROP ROLE ${role}`);
  await client.end();
});

async function open(options: object = {}, lines: string[] = []): Promise<LockStore> {
  const store = await openPostgres({ connectionString, schema, ...options }, { lines });
  stores.push(store);
  return store;
}

/** As the role of the application. */
function asRole(): { connectionString: string } {
  const url = new URL(connectionString);
  url.username = role;
  return { connectionString: url.href };
}

/** Of the table, in bytes. */
async function size(): Promise<string> {
  const { rows } = await client.query<{ size: string }>(
    `SELECT pg_relation_size('${schema}.exclusive_lock') AS size`,
  );
  return rows[0].size;
}

describe('the table', () => {
  it('is made by eight that start at once', async () => {
    const lines: string[] = [];
    const opened = await Promise.all(Array.from({ length: 8 }, () => open({}, lines)));
    const replies = await Promise.all(opened.map((store) => store.acquire(request('job'), WITHIN)));
    expect(replies.filter(({ status }) => status === 'granted')).toHaveLength(1);
    expect(lines).toEqual([]);
  });

  it('is made in a schema that is there, by a role that may make no schema', async () => {
    await client.query(`CREATE SCHEMA ${schema}; GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role}`);
    await granted(await open(asRole()), request('job'));
  });

  it('is made again when it has been dropped', async () => {
    const store = await open();
    await granted(store, request('job'));
    await client.query(`DROP TABLE ${schema}.exclusive_lock`);
    await granted(store, request('job'));
  });

  it('can be made by a migration, twice, and with another name', async () => {
    const options = { schema, table: 'Our "locks"' };
    for (let i = 0; i < 2; i++) await client.query(postgresSchema(options));
    await granted(await open(options), request('job'));
    const { rows } = await client.query(`SELECT name FROM ${schema}."Our ""locks"""`);
    expect(rows).toEqual([{ name: 'test:job' }]);
  });

  it('stays the same size when one lock is taken over and over', async () => {
    const store = await open();
    const pairs = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) {
        const holder = request('job');
        await granted(store, holder);
        await store.release(ended(holder), WITHIN);
      }
    };
    await pairs(100);
    // Old versions stay as long as transactions of other tests, begun before, might read them.
    await eventually(async () => {
      const before = await size();
      await pairs(300);
      return (await size()) === before;
    });
  });
});

describe('a role with few rights', () => {
  it('needs no more than to read and write the rows', async () => {
    await client.query(postgresSchema({ schema }));
    await client.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.exclusive_lock TO ${role}`);
    const lines: string[] = [];
    const store = await open(asRole(), lines);
    const holder = request('job');
    await granted(store, holder);
    expect(await store.renew([holder], WITHIN)).toEqual(['held']);
    expect(await store.acquire({ ...request('job'), waited: 0 }, WITHIN)).toMatchObject({ queued: true });
    expect(await store.release(ended(holder), WITHIN)).toBe('held');
    expect(lines).toEqual([]);
  });

  it('that may not make the table is told the SQL, once as an outage and in each call', async () => {
    await client.query(`CREATE SCHEMA ${schema}; GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    const lines: string[] = [];
    const store = await open(asRole(), lines);
    expect(lines).toEqual([
      expect.stringMatching(
        /exclusive_lock" is missing, and this role may not create it \(permission denied/,
      ),
    ]);
    await expect(store.acquire(request('job'), WITHIN)).rejects.toMatchObject({
      code: 'LOCK_STORE',
      permanent: true,
      mayHaveRun: false,
      message: expect.stringContaining(`CREATE TABLE IF NOT EXISTS "${schema}"."exclusive_lock" ( name text`),
    });
  });

  it('that may not write is told what to grant', async () => {
    await client.query(postgresSchema({ schema }));
    await client.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role};
      GRANT SELECT ON ${schema}.exclusive_lock TO ${role}`);
    const store = await open(asRole());
    await expect(store.acquire(request('job'), WITHIN)).rejects.toMatchObject({
      permanent: true,
      message: expect.stringMatching(
        /permission denied for table exclusive_lock \(42501\).*GRANT SELECT, INSERT/,
      ),
    });
  });
});

it('a table of the same name that is not ours is not touched, and named', async () => {
  await client.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.exclusive_lock (name text, id int)`);
  const store = await open();
  await expect(store.acquire(request('job'), WITHIN)).rejects.toMatchObject({
    permanent: true,
    message: expect.stringContaining('was not made by postgresSchema()'),
  });
});
