import { Redis } from 'ioredis';
import { removeKeys, testRedisUrl, uniquePrefix } from '../../../support/redis/test-redis.js';
import { releaseLocks } from './lock-objects.js';
import { closeApps } from './nest-apps.js';

/** The Redis of the tests, and what comes before the names of the test that runs. */
export interface RedisOfTest {
  readonly client: Redis;
  readonly prefix: string;
}

/** Gives each test a prefix of its own. After it locks and applications are closed, and its keys removed. */
export function useRedis(): RedisOfTest {
  let client: Redis;
  let prefix: string;
  beforeEach(() => {
    client = new Redis(testRedisUrl());
    prefix = uniquePrefix();
  });
  afterEach(async () => {
    await releaseLocks();
    await closeApps();
    await removeKeys(client, prefix);
    client.disconnect();
  });
  return {
    get client() {
      return client;
    },
    get prefix() {
      return prefix;
    },
  };
}
