import { Client as PgClient, Pool } from 'pg';
import { postgresSchema, postgresStore, type PostgresStoreOptions } from 'nestjs-exclusive-lock/postgres';
import { placeOf } from '../../../../lib/stores/postgres/postgres-place.js';

const URL_WITH_PASSWORD = 'postgres://app:secret@db:6543/shop';

describe('postgresStore()', () => {
  const { PGHOST } = process.env;
  beforeEach(() => delete process.env.PGHOST);
  afterEach(() => {
    if (PGHOST !== undefined) process.env.PGHOST = PGHOST;
  });

  it.each<[string, PostgresStoreOptions, RegExp]>([
    ['no address', {}, /needs an address: connectionString/],
    [
      'a URL without a value',
      { connectionString: undefined },
      /connectionString .* has no value.*environment variable/,
    ],
    ['a host without a value', { host: undefined, database: 'shop' }, /host .* has no value/],
    ['the URL of another client', { url: URL_WITH_PASSWORD }, /url is not an option of pg.*connectionString/],
    ['the user of another client', { host: 'db', username: 'app' }, /username is not an option of pg.*user/],
    [
      'a URL that is none',
      { connectionString: 'postgres://db:port/shop' },
      /connectionString .* is not a PostgreSQL URL/,
    ],
    ['a text that is no URL', { connectionString: 'db/shop' }, /connectionString .* is not a PostgreSQL URL/],
    ['a pool that is none', { pool: { query: 1 } }, /pool must be a pool of pg/],
    ['a table that is no name', { host: 'db', table: '' }, /table must be a name of at most 63 bytes/],
    [
      'a schema that is too long',
      { host: 'db', schema: 'ß'.repeat(32) },
      /schema must be a name of at most 63 bytes/,
    ],
    ['a pooler that is neither', { host: 'db', pooler: 'yes' as never }, /pooler must be true or false/],
  ])('refuses %s, and says what to do', async (_, options, message) => {
    const open = postgresStore(options).open({} as never);
    await expect(open).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringMatching(message),
    });
  });

  it('takes PGHOST for the address if there is no other', async () => {
    process.env.PGHOST = 'db.internal';
    const { description } = await placeOf({ database: 'shop' }, 'test');
    expect(description).toBe('PostgreSQL at db.internal:5432/shop');
  });

  it('names the server without the password', async () => {
    const { description } = await placeOf({ connectionString: URL_WITH_PASSWORD }, 'test');
    expect(description).toBe('PostgreSQL at db:6543/shop');
  });

  it('copies the settings of a pool, the hidden password too', async () => {
    const pool = new Pool({ host: 'db', database: 'shop', password: 'secret', query_timeout: 5 });
    const { config, description } = await placeOf({ pool }, 'test');
    expect(config).toMatchObject({ host: 'db', password: 'secret', query_timeout: 0 });
    expect(description).toBe('PostgreSQL at db:5432/shop');
  });

  it('makes connections with the client of the pool, which may be another version of pg', async () => {
    class Client extends PgClient {}
    const pool = new Pool({ host: 'db', Client });
    expect((await placeOf({ pool }, 'test')).Client).toBe(Client);
  });
});

describe('postgresSchema()', () => {
  it('makes the table in the first schema of the search path', () => {
    expect(postgresSchema()).toMatch(/^CREATE TABLE IF NOT EXISTS "exclusive_lock" \(\n/);
  });

  it('makes the schema, and quotes names', () => {
    const sql = postgresSchema({ schema: 'a "b"', table: 'Locks' });
    expect(sql).toMatch(
      /^CREATE SCHEMA IF NOT EXISTS "a ""b""";\nCREATE TABLE IF NOT EXISTS "a ""b"""\."Locks" \(/,
    );
  });

  it('refuses options that it does not have', () => {
    expect(() => postgresSchema({ name: 'locks' } as never)).toThrow(
      /postgresSchema\(\).*name|name.*postgresSchema\(\)/,
    );
  });
});
