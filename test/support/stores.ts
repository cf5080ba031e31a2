import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { ExclusiveLockModuleOptions } from '../../lib/index.js';
import { removeKeys, testRedisUrl, uniquePrefix } from './redis/test-redis.js';

/** A store that several processes of a test share, as options of the module. */
export interface SharedStore {
  readonly options: ExclusiveLockModuleOptions;
  remove(): Promise<void>;
}

/** Every kind of store that excludes processes; tests run once on each. */
export const SHARED_STORES: readonly (readonly [name: string, make: () => SharedStore])[] = [
  ['Redis', redisStore],
  ['the local store', localStore],
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
