import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { ExclusiveLockModuleOptions } from '../../lib/index.js';
import { SHORTEST_TTL } from '../../lib/stores/etcd/etcd-leases.js';
import { etcdStore } from '../../lib/stores/etcd/index.js';
import { postgresStore } from '../../lib/stores/postgres/index.js';
import type { StoreToOpen } from '../../lib/stores/store-to-open.js';
import { connected, testPostgresUrl, uniqueSchema } from './postgres/test-postgres.js';
import { testEtcdUrl } from './servers/shared-etcd.js';
import { removeKeys, testRedisUrl, uniquePrefix } from './redis/test-redis.js';
import { IS_CHOICE, TESTED_STORES, type ServerStore } from './tested-stores.mjs';

/** A store that several processes of a test share, as options of the module. */
export interface SharedStore {
  readonly options: ExclusiveLockModuleOptions;
  remove(): Promise<void>;
}

type NamedStore = readonly [name: string, make: () => SharedStore];

const EMBEDDED: readonly NamedStore[] = [['the local store', localStore]];
const ON_SERVERS: Partial<Record<ServerStore, NamedStore>> = {
  redis: ['Redis', redisStore],
  postgres: ['PostgreSQL', sharedPostgres],
  etcd: ['etcd', sharedEtcd],
};
/** `npm test` runs the tests on these stores, and on others only where a test says so. */
const ALWAYS_IN_THE_GATE: readonly ServerStore[] = ['redis'];

/** The stores that exclude processes and are tested now; tests run once on each. */
export function sharedStores(alsoInTheGate: readonly ServerStore[] = []): readonly NamedStore[] {
  const wanted = TESTED_STORES.filter(
    (store) => IS_CHOICE || ALWAYS_IN_THE_GATE.includes(store) || alsoInTheGate.includes(store),
  );
  const onServers = wanted.flatMap((store) => (ON_SERVERS[store] ? [ON_SERVERS[store]] : []));
  return [...onServers, ...(IS_CHOICE ? [] : EMBEDDED)];
}

/** Those of every test. */
export const SHARED_STORES = sharedStores();

export const freesAtOnce = (name: string): boolean => name === 'the local store';
export const shortestTtlOf = (name: string): number => (name === 'etcd' ? SHORTEST_TTL : 0);

function redisStore(): SharedStore {
  const prefix = uniquePrefix();
  return {
    options: { redis: testRedisUrl(), prefix },
    async remove() {
      const client = new Redis(testRedisUrl());
      await removeKeys(client, prefix);
      client.disconnect();
    },
  };
}

function sharedPostgres(): SharedStore {
  const schema = uniqueSchema();
  const options = { connectionString: testPostgresUrl(), schema };
  return {
    options: { store: forProcesses(postgresStore(options), { postgres: options }) },
    async remove() {
      const client = await connected();
      await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      await client.end();
    },
  };
}

function sharedEtcd(): SharedStore {
  const options = { endpoints: testEtcdUrl() };
  return {
    options: { store: forProcesses(etcdStore(options), { etcd: options }), prefix: uniquePrefix() },
    // The server is removed with all that is in it.
    remove: async () => undefined,
  };
}

/** A store that applications of test/apps can be given as well, which get their options as JSON. */
function forProcesses(store: StoreToOpen, json: Readonly<Record<string, object>>): StoreToOpen {
  return Object.assign(store, { toJSON: () => json });
}

function localStore(): SharedStore {
  const folder = mkdtempSync(join(process.env.TEST_RUN_FOLDER ?? tmpdir(), 'locks-'));
  return {
    options: { store: 'local', folder },
    remove: async () => rmSync(folder, { recursive: true }),
  };
}
