import { setTimeout } from 'node:timers/promises';
import type { Client } from 'pg';
import { Pool } from 'pg';
import type { LockStore } from '../../../lib/stores/lock-store.js';
import { LONG, WITHIN, ended, granted, request } from '../../../lib/testing/store-contract/subject.js';
import { eventually } from '../../support/eventually.js';
import {
  connected,
  openPostgres,
  testPostgresUrl,
  uniqueSchema,
} from '../../support/postgres/test-postgres.js';
import { postgresUrl, startPostgresServer } from '../../support/servers/postgres-server.js';
import { ServerProcess } from '../../support/servers/server-process.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

const connectionString = testPostgresUrl();
const stores: LockStore[] = [];
let client: Client;
let schema: string;
let proxy: TcpProxy;

beforeEach(async () => {
  client = await connected();
  schema = uniqueSchema();
  proxy = await TcpProxy.start(Number(new URL(connectionString).port));
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await proxy.close();
  await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await client.end();
  await ServerProcess.closeAll();
});

async function open(options: object = {}, lines: string[] = []): Promise<LockStore> {
  const store = await openPostgres({ connectionString, schema, ...options }, { lines });
  stores.push(store);
  return store;
}

/** Its connections can be spoiled. */
function openProxied(): Promise<LockStore> {
  const url = new URL(connectionString);
  url.port = String(proxy.port);
  url.searchParams.set('application_name', schema);
  return open({ connectionString: url.href });
}

/** Those of the store that can be spoiled. */
async function endSessions(): Promise<void> {
  await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
    schema,
  ]);
}

describe('a connection that the server ends', () => {
  it('is made anew, and that is told, so that leases are renewed', async () => {
    const store = await openProxied();
    const holder = request('job');
    await granted(store, holder);
    let reconnected = 0;
    store.onReconnected?.(() => reconnected++);
    await endSessions();
    expect(await store.renew([holder], WITHIN)).toEqual(['held']);
    expect(reconnected).toBe(1);
  });

  it('breaks no promise when that happens during each call', async () => {
    const store = await openProxied();
    let last = 0;
    for (let i = 0; i < 5; i++) {
      const holder = request('job');
      const [token] = await Promise.all([granted(store, holder), endSessions()]);
      expect(token).toBeGreaterThan(last);
      last = token;
      const [reply] = await Promise.all([store.release(ended(holder), WITHIN), endSessions()]);
      expect(reply).toBe('held');
    }
  });
});

describe('a connection that is silent', () => {
  it('fails a call in time, and is replaced for the next one', async () => {
    const store = await openProxied();
    await granted(store, request('other'));
    proxy.hold('toServer');
    const begin = performance.now();
    await expect(store.acquire(request('job'), 300)).rejects.toMatchObject({ code: 'LOCK_STORE' });
    expect(performance.now() - begin).toBeLessThan(1000);
    proxy.heal();
    await granted(store, request('job'));
  });

  it('blocks nobody, although a write of it is on its way', async () => {
    const [slow, other] = [await openProxied(), await open()];
    const late = request('job');
    // The reply to the read comes after 200 ms, the write would arrive after 400.
    proxy.delay('toServer', 200);
    await expect(slow.acquire(late, 300)).rejects.toMatchObject({ mayHaveRun: true });
    const holder = request('job');
    await granted(other, holder);
    await setTimeout(400);
    expect((await other.inspect('job', WITHIN))?.owner).toBe(holder.owner);
  });
});

describe('a write that arrives after its caller has given up', () => {
  it('changes nothing once that is recorded', async () => {
    const store = await openProxied();
    await granted(store, request('other'));
    proxy.delay('toServer', 300);
    const wanted = request('job');
    await expect(store.acquire(wanted, 500)).rejects.toMatchObject({ mayHaveRun: true });
    proxy.delay('toServer', 0);
    await store.release(ended(wanted, 'void'), WITHIN);
    await setTimeout(500);
    expect(await store.inspect('job', WITHIN)).toBeNull();
  });
});

describe('a transaction that has a row locked', () => {
  it('delays a call until its time is over, and nothing of the call happens later', async () => {
    const store = await open();
    await store.release(ended(request('job'), 'void'), WITHIN);
    const first = request('job');
    await granted(store, first);
    await store.release(ended(first), WITHIN);
    await client.query(`BEGIN; SELECT FROM ${schema}.exclusive_lock FOR UPDATE`);
    await expect(store.acquire(request('job'), 300)).rejects.toMatchObject({
      message: expect.stringContaining('others kept writing or locking the row'),
    });
    await client.query('COMMIT');
    expect(await store.inspect('job', WITHIN)).toBeNull();
    await granted(store, request('job'));
  });

  it('is not waited for by other locks that are asked for at the same moment', async () => {
    const store = await open();
    const [blocked, free] = [request('blocked'), request('free')];
    await Promise.all([granted(store, blocked), granted(store, free)]);
    await client.query(`BEGIN; SELECT FROM ${schema}.exclusive_lock WHERE name = 'test:blocked' FOR UPDATE`);
    const renewing = store.renew([blocked, free], 300);
    expect(await renewing).toEqual([undefined, 'held']);
    await client.query('COMMIT');
  });

  it('lets the holder renew, and nobody take over, if it has locked the key only', async () => {
    const store = await open();
    const holder = request('job', { ttl: 300 });
    await granted(store, holder);
    await client.query(`BEGIN; SELECT FROM ${schema}.exclusive_lock FOR KEY SHARE`);
    expect(await store.renew([{ ...holder, ttl: 200 }], WITHIN)).toEqual(['held']);
    await eventually(async () => (await store.inspect('job', WITHIN)) === null);
    expect(await store.acquire(request('job'), WITHIN)).toMatchObject({ status: 'busy' });
    await client.query('COMMIT');
    await granted(store, request('job'));
  });

  it('blocks nothing for ever, if all of the table is locked: the server ends the statement', async () => {
    const store = await open();
    await granted(store, request('other'));
    await client.query(`BEGIN; LOCK TABLE ${schema}.exclusive_lock`);
    await expect(store.acquire(request('job'), 300)).rejects.toMatchObject({ code: 'LOCK_STORE' });
    await eventually(async () => {
      const { rows } = await client.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${schema}%'`,
      );
      return rows.length === 0;
    });
    await client.query('COMMIT');
    await granted(store, request('job'));
  });
});

describe('a pool of the user', () => {
  it('is never used, so that it may be exhausted, and stays open', async () => {
    const pool = new Pool({ connectionString, max: 1 });
    const busy = await pool.connect();
    const store = await open({ connectionString: undefined, pool });
    await granted(store, request('job'));
    await store.close();
    busy.release();
    expect((await pool.query<{ one: number }>('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});

describe('a server', () => {
  it('that is down at start is said to be, and used when it is there', async () => {
    const server = await startPostgresServer();
    await server.kill();
    const lines: string[] = [];
    const store = await open({ connectionString: postgresUrl(server) }, lines);
    expect(lines).toEqual([
      expect.stringMatching(/PostgreSQL at 127.0.0.1:\d+\/postgres\) is unavailable: .*ECONNREFUSED/),
    ]);
    const [token] = await Promise.all([
      eventually(() => granted(store, request('job', { ttl: LONG })).catch(() => undefined)),
      server.restart(),
    ]);
    expect(token).toBeGreaterThan(0);
  });

  it('that crashes and comes back has forgotten nothing that was granted', async () => {
    const server = await startPostgresServer();
    const store = await open({ connectionString: postgresUrl(server) });
    const holder = request('job');
    const token = await granted(store, holder);
    await server.kill();
    await server.restart();
    expect(await store.inspect('job', WITHIN)).toMatchObject({ owner: holder.owner, fencingToken: token });
    expect(await store.renew([holder], WITHIN)).toEqual(['held']);
  });

  it('that stands still fails calls in time, and is used again when it goes on', async () => {
    const server = await startPostgresServer();
    const store = await open({ connectionString: postgresUrl(server) });
    const holder = request('job');
    await granted(store, holder);
    await server.pause();
    await expect(store.renew([holder], 300)).rejects.toMatchObject({ code: 'LOCK_STORE', mayHaveRun: true });
    server.resume();
    expect(await store.renew([holder], WITHIN)).toEqual(['held']);
  });
});
