import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { ExclusiveLockModuleOptions } from '../../lib/index.js';
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
};

/** Every kind of store that excludes processes; tests run once on each. */
export const SHARED_STORES: readonly NamedStore[] = [
  ...TESTED_STORES.flatMap((store) => (ON_SERVERS[store] ? [ON_SERVERS[store]] : [])),
  ...(IS_CHOICE ? [] : EMBEDDED),
];

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

function localStore(): SharedStore {
  const folder = mkdtempSync(join(process.env.TEST_RUN_FOLDER ?? tmpdir(), 'locks-'));
  return {
    options: { store: 'local', folder },
    remove: async () => rmSync(folder, { recursive: true }),
  };
}
