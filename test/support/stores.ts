import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { ExclusiveLockModuleOptions } from '../../lib/index.js';
import { SHORTEST_TTL } from '../../lib/stores/etcd/etcd-leases.js';
import { etcdStore } from '../../lib/stores/etcd/index.js';
import type { StoreToOpen } from '../../lib/stores/store-to-open.js';
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
  etcd: ['etcd', sharedEtcd],
};

/** Every kind of store that excludes processes; tests run once on each. */
export const SHARED_STORES: readonly NamedStore[] = [
  ...TESTED_STORES.flatMap((store) => (ON_SERVERS[store] ? [ON_SERVERS[store]] : [])),
  ...(IS_CHOICE ? [] : EMBEDDED),
];

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
