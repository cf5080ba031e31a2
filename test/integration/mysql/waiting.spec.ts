import type { LockStore } from '../../../lib/stores/lock-store.js';
import { MysqlConnections } from '../../../lib/stores/mysql/mysql-connections.js';
import { MysqlDatabase } from '../../../lib/stores/mysql/mysql-database.js';
import { removeUnused } from '../../../lib/stores/mysql/mysql-sweeper.js';
import { createConnection } from 'mysql2';
import { LONG, WITHIN, ended, granted, request } from '../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../support/eventually.js';
import { describeOnMysql } from '../../support/mysql/on-mysql.js';

/** Waits for a lock as an acquisition does: it asks again at all news. */
async function queueUp(store: LockStore): Promise<{ owner: string; turn: Promise<unknown> }> {
  const wanted = request('job', { ttl: LONG });
  const { owner } = wanted;
  const began = performance.now();
  const ask = (): Promise<unknown> =>
    store.acquire({ ...wanted, waited: performance.now() - began }, WITHIN).catch(() => undefined);
  const turn = new Promise((resolve) => {
    store.queue!.watch('job', (grant) => (grant?.owner === owner ? resolve(grant) : void ask()));
  });
  await ask();
  return { owner, turn };
}

describeOnMysql('those who wait in several processes', (on) => {
  it('are given the lock in their order, and are told', async () => {
    const stores = await Promise.all([on.open(), on.open(), on.open()]);
    const first = request('job');
    await granted(stores[0], first);
    const waiting = [];
    for (const store of [stores[1], stores[2], stores[0], stores[1]]) waiting.push(await queueUp(store));
    let { owner } = first;
    for (const next of waiting) {
      await stores[0].release(ended({ ...first, owner }), WITHIN);
      await next.turn;
      ({ owner } = next);
      expect(await stores[2].inspect('job', WITHIN)).toMatchObject({ owner });
    }
  });

  it('are told when a lock that nobody releases has expired', async () => {
    const [one, two] = await Promise.all([on.open(), on.open()]);
    await granted(one, request('job', { ttl: 200 }));
    let news = 0;
    two.queue!.watch('job', () => news++);
    await eventually(() => news > 0);
    await granted(two, request('job'));
  });
});

describeOnMysql('a sweep', (on) => {
  let connections: MysqlConnections;
  let store: LockStore;

  beforeEach(async () => {
    connections = new MysqlConnections(createConnection, { uri: on.database.urlFor() });
    store = await on.open();
  });
  afterEach(() => connections.close());

  async function names(): Promise<string[]> {
    const rows = await on.database.query<{ name: Buffer }>('SELECT name FROM exclusive_lock ORDER BY name');
    return rows.map(({ name }) => String(name));
  }

  it('removes rows that are of no use any more, and no others', async () => {
    const [held, fresh, old] = [request('held'), request('fresh'), request('old')];
    for (const holder of [held, fresh, old]) await granted(store, holder);
    for (const holder of [fresh, old]) await store.release(ended(holder), WITHIN);
    await on.database.query("UPDATE exclusive_lock SET keep_until = 1 WHERE name <> 'ours:fresh'");
    const database = new MysqlDatabase(connections, 'MySQL', 'exclusive_lock');
    expect(await removeUnused(database)).toBe(1);
    expect(await removeUnused(database)).toBe(0);
    expect(await names()).toEqual(['ours:fresh', 'ours:held']);
  });

  it('leaves a row that is used again at this moment', async () => {
    const old = request('old');
    await granted(store, old);
    await store.release(ended(old), WITHIN);
    await on.database.query('UPDATE exclusive_lock SET keep_until = 1');
    const again = request('old');
    class Interrupted extends MysqlDatabase {
      override async run<R>(...args: Parameters<MysqlDatabase['run']>): Promise<R> {
        const found = await super.run<R>(...args);
        if (args[0] === 'unused') await granted(store, again);
        return found;
      }
    }
    expect(await removeUnused(new Interrupted(connections, 'MySQL', 'exclusive_lock'))).toBe(0);
    expect(await store.inspect('old', WITHIN)).toMatchObject({ owner: again.owner });
  });
});
