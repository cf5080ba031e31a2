import { setTimeout } from 'node:timers/promises';
import { createConnection } from 'mysql2';
import { LedgerLockStore } from '../../../lib/stores/ledger/ledger-lock-store.js';
import type { OpenConnection } from '../../../lib/stores/mysql/mysql-connection.js';
import { MysqlConnections } from '../../../lib/stores/mysql/mysql-connections.js';
import { MysqlDatabase } from '../../../lib/stores/mysql/mysql-database.js';
import { MysqlTable } from '../../../lib/stores/mysql/mysql-table.js';
import { WITHIN, ended, granted, request } from '../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../support/eventually.js';
import { describeOnMysql } from '../../support/mysql/on-mysql.js';

describeOnMysql('the statements', (on) => {
  let sent: string[];
  let store: LedgerLockStore;

  /** Notes the first word of each statement. */
  const open: OpenConnection = (options) => {
    const connection = createConnection(options);
    const query = connection.query.bind(connection) as (...args: unknown[]) => never;
    connection.query = (...args: unknown[]) => {
      sent.push((args[0] as string).replace(/^\/\*.*?\*\/\s*/, '').split(/\s/, 1)[0]);
      return query(...args);
    };
    return connection;
  };

  beforeEach(async () => {
    sent = [];
    const connections = new MysqlConnections(open, { uri: on.database.urlFor(), supportBigNumbers: true });
    const database = new MysqlDatabase(connections, 'MySQL', 'exclusive_lock');
    store = new LedgerLockStore(new MysqlTable(database), 'ours');
    const known = request('job');
    await granted(store, known);
    await store.release(ended(known), WITHIN);
    sent = [];
  });
  afterEach(() => store.close());

  it('of a lock that is free are three', async () => {
    const holder = request('job');
    await granted(store, holder);
    await store.release(ended(holder), WITHIN);
    expect(sent).toEqual(['SELECT', 'UPDATE', 'UPDATE']);
  });

  it('of a try that finds the lock held is one', async () => {
    await granted(store, request('job'));
    sent = [];
    expect(await store.acquire(request('job'), WITHIN)).toMatchObject({ status: 'busy' });
    expect(sent).toEqual(['SELECT']);
  });

  it('of 1000 renewals is one', async () => {
    const holders = Array.from({ length: 1000 }, (_, i) => request(`job ${i}`));
    await Promise.all(holders.map((holder) => granted(store, holder)));
    sent = [];
    expect(new Set(await store.renew(holders, WITHIN))).toEqual(new Set(['held']));
    expect(sent).toEqual(['UPDATE']);
  });

  it('of a process that waits for many locks are one every 50 ms, and none when it waits no more', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `job ${i}`);
    const other = await on.open();
    await Promise.all(names.map((name) => granted(other, request(name))));
    let news = 0;
    const unwatch = names.map((name) => store.queue.watch(name, () => news++));
    sent = [];
    const begin = performance.now();
    await eventually(() => sent.length >= 5);
    expect(sent.length).toBeLessThanOrEqual((performance.now() - begin) / 50);
    expect(news).toBe(0);
    for (const end of unwatch) end();
    await setTimeout(100);
    sent = [];
    await setTimeout(200);
    expect(sent).toEqual([]);
  });
});
