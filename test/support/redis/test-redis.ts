import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';

/** The URL of the server that all test files share. Never flush it: it may be somebody's own (REDIS_URL). */
export function testRedisUrl(): string {
  const url = process.env.TEST_REDIS_URL;
  if (!url)
    throw new Error('No TEST_REDIS_URL: only the projects integration, e2e and faults start a Redis.');
  return url;
}

/** A prefix for the keys of one test, which nobody else uses. */
export function uniquePrefix(): string {
  return `test-${randomBytes(6).toString('hex')}`;
}

/** Removes what a test with this prefix has stored: its locks and their state. */
export async function removeKeys(client: Redis, prefix: string): Promise<void> {
  for (const match of [`${prefix}:*`, `{${prefix}:*`]) {
    const keys: string[] = [];
    for await (const some of client.scanStream({ match, count: 1000 }) as AsyncIterable<string[]>)
      keys.push(...some);
    // Not before: KeyDB may leave a command that follows a SCAN at once until another comes.
    if (keys.length > 0) await client.unlink(...keys);
  }
}
