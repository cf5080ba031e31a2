import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { OutageLog } from '../../../lib/common/outage-log.js';
import { postgresStore, type PostgresStoreOptions } from '../../../lib/stores/postgres/index.js';
import type { LockStore } from '../../../lib/stores/lock-store.js';

/** The server that all tests of a run share. */
export function testPostgresUrl(): string {
  const url = process.env.TEST_POSTGRES_URL;
  if (!url) throw new Error('TEST_POSTGRES_URL is not set: this project of jest starts no servers.');
  return url;
}

/** A schema of a test's own. */
export function uniqueSchema(): string {
  return `test_${randomUUID().replaceAll('-', '')}`;
}

/** A connection for the test itself. End it. */
export async function connected(url = testPostgresUrl()): Promise<Client> {
  const client = new Client(url);
  // The test may end it, with its server.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** A store as the application opens it. What it logs is noted in `lines`. */
export async function openPostgres(
  options: PostgresStoreOptions,
  { prefix = 'test', lines = [] as string[] } = {},
): Promise<LockStore> {
  const note = (line: string): void => void lines.push(line);
  const logger = { debug: note, log: note, warn: note, error: note };
  return postgresStore(options).open({ prefix, logger, outages: new OutageLog(logger), env: {} });
}
