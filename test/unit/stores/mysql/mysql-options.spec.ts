import { createPool } from 'mysql2';
import { createPool as createPromisePool } from 'mysql2/promise';
import { mysqlSchema, mysqlStore, type MysqlStoreOptions } from 'nestjs-exclusive-lock/mysql';
import { placeOf } from '../../../../lib/stores/mysql/mysql-options.js';

const URL_WITH_PASSWORD = 'mysql://app:secret@db:3307/shop';

describe('mysqlStore()', () => {
  it.each<[string, unknown, RegExp]>([
    ['no options', undefined, /options of mysqlStore\(\) must be an object/],
    ['no address', { database: 'shop' }, /needs an address: uri/],
    ['a URL without a value', { uri: undefined }, /uri .* has no value.*environment variable/],
    ['a host without a value', { host: undefined, database: 'shop' }, /host .* has no value/],
    [
      'the URL of another client',
      { host: 'db', url: URL_WITH_PASSWORD },
      /url is not an option of mysql2.*uri/,
    ],
    [
      'the user of another client',
      { host: 'db', username: 'app' },
      /username is not an option of mysql2.*user/,
    ],
    ['a URL of another database', { uri: 'postgres://app:secret@db/shop' }, /uri .* is not a MySQL URL/],
    ['a text that is no URL', { uri: 'db/shop' }, /uri .* is not a MySQL URL/],
    ['a URL without a database', { uri: 'mysql://db' }, /needs a database/],
    ['a host without a database', { host: 'db' }, /needs a database/],
    ['a pool that is none', { pool: { query: 1 } }, /pool must be a pool of mysql2/],
    ['a pool and another address', { pool: createPool({}), host: 'db' }, /host .* beside pool/],
    ['a table that is no name', { uri: URL_WITH_PASSWORD, table: 'a`b' }, /table must be 'table' or/],
    ['a table of three parts', { uri: URL_WITH_PASSWORD, table: 'a.b.c' }, /table must be 'table' or/],
  ])('refuses %s, and says what to do', async (_, options, message) => {
    const open = mysqlStore(options as MysqlStoreOptions).open({} as never);
    await expect(open).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringMatching(message),
    });
    await expect(open).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
  });

  it.each<[MysqlStoreOptions, string]>([
    [{ uri: URL_WITH_PASSWORD }, 'MySQL at db:3307/shop'],
    [{ uri: 'mariadb://db/shop' }, 'MySQL at db:3306/shop'],
    [{ host: 'db', database: 'shop', password: 'secret' }, 'MySQL at db:3306/shop'],
    [{ socketPath: '/run/mysqld.sock', database: 'shop' }, 'MySQL at /run/mysqld.sock/shop'],
  ])('names the server without the password: %j', (options, description) => {
    expect(placeOf(options, 'test').description).toBe(description);
  });

  it.each([
    ['mysql2', createPool],
    ['mysql2/promise', createPromisePool],
  ])('copies the settings of a pool of %s that say where its server is, and no others', async (_, create) => {
    const settings = { host: 'db', database: 'shop', user: 'app', password: 'secret' };
    const pool = create({ ...settings, dateStrings: true, timezone: '+02:00' });
    const { connection, description } = placeOf({ pool }, 'test');
    expect(connection).toMatchObject(settings);
    expect(connection).not.toHaveProperty('dateStrings');
    expect(description).toBe('MySQL at db:3306/shop');
    await pool.end();
  });

  it('depends on some options whatever was chosen, and tells the server its name', () => {
    const options = { uri: URL_WITH_PASSWORD, supportBigNumbers: false, rowsAsArray: true };
    expect(placeOf(options, 'exclusive-lock:web-1').connection).toMatchObject({
      supportBigNumbers: true,
      rowsAsArray: false,
      connectAttributes: { program_name: 'exclusive-lock:web-1' },
    });
  });
});

describe('mysqlSchema()', () => {
  it('makes the table that the store uses by default, or another', () => {
    expect(mysqlSchema()).toMatch(/^CREATE TABLE IF NOT EXISTS `exclusive_lock` \(/);
    expect(mysqlSchema('shop.locks')).toMatch(/^CREATE TABLE IF NOT EXISTS `shop`\.`locks` \(/);
  });

  it('refuses what is no name', () => {
    expect(() => mysqlSchema('a; DROP TABLE b')).toThrow("table must be 'table' or 'database.table'");
  });
});
