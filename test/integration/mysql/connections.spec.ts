import { setTimeout } from 'node:timers/promises';
import { createConnection as createPlainConnection } from 'mysql2';
import { createConnection, createPool, type Connection } from 'mysql2/promise';
import { MysqlConnections } from '../../../lib/stores/mysql/mysql-connections.js';
import { WITHIN, ended, granted, request } from '../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../support/eventually.js';
import { describeOnMysql, type MysqlOfTest } from '../../support/mysql/on-mysql.js';
import { mysqlUrl, startMysqlServer } from '../../support/servers/mysql-server.js';

/** SLEEP() would end with its connection. */
const ENDLESS = `SELECT BENCHMARK(100000000000, MD5('a'))`;

/** Ends all connections to the test's database but the test's own. */
async function endConnections({ database }: MysqlOfTest): Promise<void> {
  const others = await database.query<{ id: number }>(
    'SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()',
    [database.name],
  );
  // One may have ended by itself.
  for (const { id } of others) await database.query(`KILL ${id}`).catch(() => undefined);
}

describeOnMysql('a connection that the server ends', (on) => {
  it('is made anew, and that is told, so that leases are renewed', async () => {
    const store = await on.open();
    const holder = request('job');
    await granted(store, holder);
    let reconnected = 0;
    store.onReconnected?.(() => reconnected++);
    await endConnections(on);
    expect(await store.inspect('job', WITHIN)).toMatchObject({ owner: holder.owner });
    expect(reconnected).toBe(1);
  });

  it('breaks no promise when that happens during each call', async () => {
    const store = await on.open();
    let last = 0;
    for (let i = 0; i < 5; i++) {
      const holder = request('job');
      const [token] = await Promise.all([granted(store, holder), endConnections(on)]);
      expect(token).toBeGreaterThan(last);
      last = token;
      const [reply] = await Promise.all([store.release(ended(holder), WITHIN), endConnections(on)]);
      expect(reply).toBe('held');
    }
  });
});

describeOnMysql('a connection that is silent', (on) => {
  it('fails a call in time, and is replaced for the next one', async () => {
    const [store, proxy] = await on.openProxied();
    proxy.hold('toServer');
    const begin = performance.now();
    await expect(store.acquire(request('job'), 300)).rejects.toMatchObject({ code: 'LOCK_STORE' });
    expect(performance.now() - begin).toBeLessThan(1000);
    proxy.heal();
    await granted(store, request('job'));
  });

  it('blocks nobody, although a write of it is on its way', async () => {
    const [[slow, proxy], other] = [await on.openProxied(), await on.open()];
    // The reply to the read comes after 200 ms, the write would arrive after 400.
    proxy.delay('toServer', 200);
    const late = request('job');
    await expect(slow.acquire(late, 300)).rejects.toMatchObject({ mayHaveRun: true });
    const holder = request('job');
    await granted(other, holder);
    await setTimeout(400);
    expect((await other.inspect('job', WITHIN))?.owner).toBe(holder.owner);
  });
});

describeOnMysql('a write that arrives after its caller has given up', (on) => {
  it('changes nothing once that is recorded', async () => {
    const [store, proxy] = await on.openProxied();
    proxy.delay('toServer', 300);
    const wanted = request('job');
    await expect(store.acquire(wanted, 500)).rejects.toMatchObject({ mayHaveRun: true });
    proxy.delay('toServer', 0);
    await store.release(ended(wanted, 'void'), WITHIN);
    await setTimeout(500);
    expect(await store.inspect('job', WITHIN)).toBeNull();
  });
});

describeOnMysql('a transaction that has a row locked', (on) => {
  it('delays a call until its time is over, and nothing of the call happens later', async () => {
    const store = await on.open();
    const first = request('job');
    await granted(store, first);
    await store.release(ended(first), WITHIN);
    await on.database.query('START TRANSACTION');
    await on.database.query('SELECT * FROM exclusive_lock FOR UPDATE');
    await expect(store.acquire(request('job'), 300)).rejects.toMatchObject({ code: 'LOCK_STORE' });
    await waitsNoMore(on);
    await on.database.query('COMMIT');
    expect(await store.inspect('job', WITHIN)).toBeNull();
    await granted(store, request('job'));
  });

  it('is not waited for longer than a second, nor by the leases of other locks', async () => {
    const store = await on.open();
    const blocked = request('blocked');
    const free = Array.from({ length: 50 }, (_, i) => request(`free ${i}`));
    for (const holder of [blocked, ...free]) await granted(store, holder);
    await on.database.query('START TRANSACTION');
    await on.database.query("SELECT * FROM exclusive_lock WHERE name = 'ours:blocked' FOR UPDATE");
    const replies = await store.renew([...free, blocked], 2000);
    expect(replies).toEqual([...free.map(() => 'held'), undefined]);
    await on.database.query('COMMIT');
    expect(await store.renew([blocked], WITHIN)).toEqual(['held']);
  });

  it('does not shorten a lease that is renewed after it: the clock is read when the row is free', async () => {
    const store = await on.open();
    const holder = request('job', { ttl: 5000 });
    await granted(store, holder);
    await on.database.query('START TRANSACTION');
    await on.database.query('SELECT * FROM exclusive_lock FOR UPDATE');
    const renewing = store.renew([holder], WITHIN);
    await setTimeout(300);
    const [{ now }] = await on.database.query<{ now: string }>('SELECT UNIX_TIMESTAMP(SYSDATE(6)) AS now');
    await on.database.query('COMMIT');
    expect(await renewing).toEqual(['held']);
    const [{ until }] = await on.database.query<{ until: string }>(
      'SELECT expires_at / 1000000 AS until FROM exclusive_lock',
    );
    expect(Number(until)).toBeGreaterThanOrEqual(Number(now) + 5);
  });

  it('blocks nothing for ever, if all of the table is locked', async () => {
    const store = await on.open();
    await granted(store, request('other'));
    await on.database.query('LOCK TABLES exclusive_lock WRITE');
    await expect(store.acquire(request('job'), 300)).rejects.toMatchObject({ code: 'LOCK_STORE' });
    await waitsNoMore(on);
    await on.database.query('UNLOCK TABLES');
    await granted(store, request('job'));
  });
});

/** The server ends statements whose client has given up. */
async function waitsNoMore({ database }: MysqlOfTest): Promise<void> {
  await eventually(async () => {
    const waiting = await database.query(
      `SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID() AND command <> 'Sleep'`,
      [database.name],
    );
    return waiting.length === 0;
  });
}

describeOnMysql('a statement that runs on after its client has given up', (on) => {
  it('is ended by the server', async () => {
    const connections = new MysqlConnections(createPlainConnection, { uri: on.database.urlFor() });
    // The server may be faster: what it has ended then replies 0.
    await expect(connections.run(ENDLESS, [], 300).then(() => 'ended', String)).resolves.toMatch(
      /^ended$|no reply within 300 ms/,
    );
    await waitsNoMore(on);
    await connections.close();
  });
});

describeOnMysql('a pool of the user', (on) => {
  it('is never used, so that it may be exhausted, and stays open', async () => {
    const pool = createPool({ uri: on.database.urlFor(), connectionLimit: 1 });
    const busy = await pool.getConnection();
    const store = await on.open({ pool });
    await granted(store, request('job'));
    await store.close();
    busy.release();
    expect((await pool.query('SELECT 1 AS one'))[0]).toEqual([{ one: 1 }]);
    await pool.end();
  });
});

describeOnMysql('a server', (on) => {
  it('that is down at start is said to be, and used when it is there, with all that was granted before', async () => {
    const server = await startMysqlServer(on.flavour);
    await server.kill();
    const store = await on.open({ uri: mysqlUrl(server) });
    expect(on.lines).toEqual([
      expect.stringMatching(/MySQL at 127.0.0.1:\d+\/test\) is unavailable: .*ECONNREFUSED/),
    ]);
    const holder = request('job');
    const [token] = await Promise.all([
      eventually(() => granted(store, holder).catch(() => undefined)),
      server.restart(),
    ]);
    await server.kill();
    await server.restart();
    expect(await store.inspect('job', WITHIN)).toMatchObject({ owner: holder.owner, fencingToken: token });
    expect(await store.renew([holder], WITHIN)).toEqual(['held']);

    await server.pause();
    await expect(store.renew([holder], 300)).rejects.toMatchObject({ code: 'LOCK_STORE', mayHaveRun: true });
    server.resume();
    expect(await store.renew([holder], WITHIN)).toEqual(['held']);
  });

  it('whose connections are all in use is named, with what to do', async () => {
    const server = await startMysqlServer(on.flavour, ['--max-connections=10']);
    const uri = mysqlUrl(server);
    const others: Connection[] = [];
    const isTaken = async (): Promise<boolean> => {
      others.push(await createConnection(uri));
      return true;
    };
    while (await isTaken().catch(() => false));
    const store = await on.open({ uri });
    await expect(store.acquire(request('job'), 300)).rejects.toMatchObject({
      mayHaveRun: false,
      permanent: false,
      message: expect.stringMatching(/Too many connections \(1040\).*up to 2 for each process/),
    });
    for (const connection of others) connection.destroy();
    await eventually(() => granted(store, request('job')).catch(() => false));
  });
});
