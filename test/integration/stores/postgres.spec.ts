import type { Client } from 'pg';
import type { StoresUnderTest } from '../../../lib/testing/index.js';
import { nameOf, type RunMark } from '../../../lib/stores/run-marks.js';
import { uniquePrefix } from '../../support/redis/test-redis.js';
import {
  connected,
  openPostgres,
  testPostgresUrl,
  uniqueSchema,
} from '../../support/postgres/test-postgres.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { describeContract } from './describe-contract.js';

const schema = uniqueSchema();
let client: Client;

beforeAll(async () => (client = await connected()));
afterAll(async () => {
  await client.query(`DROP SCHEMA ${schema} CASCADE`);
  await client.end();
});

describeContract('the PostgreSQL store', open, { without: ['advance'] });

async function open(): Promise<StoresUnderTest> {
  const connectionString = testPostgresUrl();
  const [ours, theirs] = [uniquePrefix(), uniquePrefix()];
  const proxy = await TcpProxy.start(Number(new URL(connectionString).port));
  const proxied = new URL(connectionString);
  proxied.port = String(proxy.port);
  const stores = [
    await openPostgres({ connectionString: proxied.href, schema }, { prefix: ours }),
    await openPostgres({ connectionString, schema }, { prefix: ours }),
  ] as const;
  const otherPrefix = await openPostgres({ connectionString, schema }, { prefix: theirs });
  return {
    stores,
    otherPrefix,
    now: async () => {
      const { rows } = await client.query<{ now: number }>(
        'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
      );
      return rows[0].now;
    },
    setClockBack: async (name, claim, ms) => {
      const key = [`${ours}:${name}`];
      const table = `${schema}.exclusive_lock`;
      const { rows } = await client.query<{ ledger: string }>(
        `SELECT ledger FROM ${table} WHERE name = $1`,
        key,
      );
      const ledger = JSON.parse(rows[0].ledger) as { marks: Record<string, RunMark> };
      const mark = ledger.marks[nameOf(claim)];
      ledger.marks[nameOf(claim)] = { ...mark, time: mark.time + ms, until: mark.until + ms };
      await client.query(`UPDATE ${table} SET version = version + 1, ledger = $2 WHERE name = $1`, [
        ...key,
        JSON.stringify(ledger),
      ]);
    },
    holdReplies: () => {
      const held = new AbortController();
      void holdRepliesToWrites(proxy, held.signal);
      return () => {
        held.abort();
        proxy.releaseHeld('toClient');
      };
    },
    close: async () => {
      await Promise.all([...stores, otherPrefix].map((store) => store.close()));
      await proxy.close();
    },
  };
}

/** A reply that is lost before anything is written would be no loss. */
async function holdRepliesToWrites(proxy: TcpProxy, ended: AbortSignal): Promise<void> {
  for (;;) {
    const sent = await proxy.onceBytes('toServer');
    if (ended.aborted) return;
    if (sent.includes('exclusive_lock_write')) return proxy.hold('toClient');
  }
}
