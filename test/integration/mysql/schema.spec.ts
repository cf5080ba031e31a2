import { mysqlSchema } from 'nestjs-exclusive-lock/mysql';
import { WITHIN, ended, granted, request } from '../../../lib/testing/store-contract/subject.js';
import { describeOnMysql } from '../../support/mysql/on-mysql.js';

describeOnMysql('the table', (on) => {
  it('is made by eight that start at once', async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => on.open()));
    const replies = await Promise.all(stores.map((store) => store.acquire(request('job'), WITHIN)));
    expect(replies.filter(({ status }) => status === 'granted')).toHaveLength(1);
    expect(on.lines).toEqual([]);
  });

  it('is made again when it has been dropped', async () => {
    const store = await on.open();
    await granted(store, request('job'));
    await on.database.query('DROP TABLE exclusive_lock');
    await granted(store, request('job'));
  });

  it('can be made by a migration, twice, in another database and with another name', async () => {
    const table = `${on.database.name}.Unsere-Schlösser`;
    for (let i = 0; i < 2; i++) await on.database.query(mysqlSchema(table));
    await granted(await on.open({ uri: on.database.urlFor().replace(/\/\w+$/, '/'), table }), request('job'));
    const rows = await on.database.query<{ name: Buffer }>('SELECT name FROM `Unsere-Schlösser`');
    expect(rows.map(({ name }) => String(name))).toEqual(['ours:job']);
  });

  it('of the same name that is not ours is not touched, and named', async () => {
    await on.database.query('CREATE TABLE exclusive_lock (name INT, id INT)');
    const store = await on.open();
    await expect(store.acquire(request('job'), WITHIN)).rejects.toMatchObject({
      permanent: true,
      message: expect.stringContaining('was not made by mysqlSchema()'),
    });
  });
});

describeOnMysql('a user with few rights', (on) => {
  let user: string;

  beforeEach(async () => {
    user = await on.makeUser();
  });

  it('needs no more than to read and write the rows', async () => {
    await on.database.query(mysqlSchema());
    await on.database.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON exclusive_lock TO ${user}`);
    const store = await on.open({ uri: on.database.urlFor({ user }) });
    const holder = request('job');
    await granted(store, holder);
    expect(await store.renew([holder], WITHIN)).toEqual(['held']);
    expect(await store.acquire({ ...request('job'), waited: 0 }, WITHIN)).toMatchObject({ queued: true });
    expect(await store.release(ended(holder), WITHIN)).toBe('held');
    expect(on.lines).toEqual([]);
  });

  it('that may not make the table is told the SQL, once as an outage and in each call', async () => {
    await on.database
      .query(`GRANT SELECT ON \`${on.database.name}\`.other TO ${user}`)
      .catch(() => undefined);
    await on.database.query(`GRANT SELECT ON \`${on.database.name}\`.* TO ${user}`);
    const store = await on.open({ uri: on.database.urlFor({ user }) });
    expect(on.lines).toEqual([
      expect.stringMatching(
        /unavailable: the table exclusive_lock is missing, and this user may not create it/,
      ),
    ]);
    await expect(store.acquire(request('job'), WITHIN)).rejects.toMatchObject({
      code: 'LOCK_STORE',
      permanent: true,
      mayHaveRun: false,
      message: expect.stringMatching(
        /may not create it \(.*CREATE command denied.*mysqlSchema\(\): CREATE TABLE/,
      ),
    });
  });

  it('that may not write is told what to grant', async () => {
    await on.database.query(mysqlSchema());
    await on.database.query(`GRANT SELECT ON exclusive_lock TO ${user}`);
    const store = await on.open({ uri: on.database.urlFor({ user }) });
    await expect(store.acquire(request('job'), WITHIN)).rejects.toMatchObject({
      permanent: true,
      message: expect.stringMatching(/INSERT.* command denied.*\(1142\).*GRANT SELECT, INSERT/),
    });
  });

  it('that may not use the database is told so', async () => {
    const store = await on.open({ uri: on.database.urlFor({ user }) });
    await expect(store.acquire(request('job'), WITHIN)).rejects.toMatchObject({
      permanent: true,
      message: expect.stringMatching(/Access denied for user .* to database .* \(1044\)/),
    });
  });

  it('that does not exist is told so, at the start too', async () => {
    const store = await on.open({ uri: on.database.urlFor({ user: 'nobody_at_all' }) });
    expect(on.lines).toEqual([expect.stringMatching(/unavailable: Access denied for user 'nobody_at_all'/)]);
    await expect(store.acquire(request('job'), 300)).rejects.toMatchObject({ permanent: true });
  });

  it('that has all its connections in use is told what to do', async () => {
    await on.database.query(`GRANT ALL ON \`${on.database.name}\`.* TO ${user}`);
    await on.database.query(`ALTER USER ${user} WITH MAX_USER_CONNECTIONS 1`);
    const first = await on.open({ uri: on.database.urlFor({ user }) });
    await granted(first, request('other'));
    const second = await on.open({ uri: on.database.urlFor({ user }) });
    await expect(second.acquire(request('job'), 300)).rejects.toMatchObject({
      permanent: false,
      mayHaveRun: false,
      message: expect.stringMatching(/max_user_connections.*\(1226\).*up to 2 for each process/),
    });
  });
});
