import { WITHIN, ended, granted, request } from '../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../support/eventually.js';
import { describeOnMysql, type MysqlOfTest } from '../../support/mysql/on-mysql.js';

/** Makes the next writes fail with this error. */
async function failWrites(on: MysqlOfTest, errno: number, times: number): Promise<void> {
  // What this engine has counted stays, although the statement fails.
  await on.database.query('CREATE TABLE tries (n INT NOT NULL) ENGINE = MyISAM');
  await on.database.query('INSERT INTO tries VALUES (0)');
  for (const event of ['INSERT', 'UPDATE'])
    await on.database.query(`
      CREATE TRIGGER fail_${event} BEFORE ${event} ON exclusive_lock FOR EACH ROW BEGIN
        UPDATE tries SET n = n + 1;
        IF (SELECT n FROM tries) <= ${times} THEN
          SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = ${errno}, MESSAGE_TEXT = 'no such luck';
        END IF;
      END`);
}

describeOnMysql('an acquisition survives', (on) => {
  it.each([
    ['a deadlock', 1213],
    ['a lock wait that takes too long', 1205],
    ['a row that has changed since it was read', 1020],
    ['a server that is read-only for a while, as in a failover', 1290],
    ['a transaction that is read-only', 1792],
    ['a statement that is interrupted', 1317],
    ['a server that shuts down', 1053],
    ['a connection that an operator ends', 1927],
    ['a server whose disk is full', 1021],
    ['an error that is known to nobody', 1105],
  ])('%s (%i)', async (_, errno) => {
    const store = await on.open();
    await failWrites(on, errno, 3);
    const holder = request('job');
    await granted(store, holder);
    expect(await store.release(ended(holder), WITHIN)).toBe('held');
  });
});

describeOnMysql('a server that refuses for longer', (on) => {
  it.each([
    [1290, false, /takes no writes.*address of the primary/],
    [1021, false, /no such luck \(1021\)/],
    // It may have been interrupted after the commit.
    [1317, true, /no such luck \(1317\)/],
  ])('is named with its error %i when the time is over', async (errno, mayHaveRun, message) => {
    const store = await on.open();
    await failWrites(on, errno, 1_000_000);
    // An attempt that is cut short by the end of the time tells that instead.
    await eventually(() =>
      expect(store.acquire(request('job'), 300)).rejects.toMatchObject({
        code: 'LOCK_STORE',
        mayHaveRun,
        message: expect.stringMatching(message),
      }),
    );
  });

  it('is not asked ever faster while it ends each connection', async () => {
    const store = await on.open();
    await failWrites(on, 1927, 1_000_000);
    await store.acquire(request('job'), 2000).catch(() => undefined);
    const [{ n }] = await on.database.query<{ n: number }>('SELECT n FROM tries');
    expect(n).toBeGreaterThan(1);
    expect(n).toBeLessThan(15);
  });
});
