import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideFaketime } from './faketime.js';
import { killLeftovers } from './leftovers.js';
import { startSharedRedis } from './redis/shared-redis.js';
import { startSharedMysql } from './servers/shared-mysql.js';
import { startSharedEtcd } from './servers/shared-etcd.js';
import { startSharedPostgres } from './servers/shared-postgres.js';
import { TESTED_STORES, type ServerStore } from './tested-stores.mjs';

const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface SharedServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** The servers that all test files share: the variable that tells them the URL, and how each is started. */
const SHARED_SERVERS: Partial<Record<ServerStore, readonly [string, () => Promise<SharedServer>]>> = {
  redis: ['TEST_REDIS_URL', startSharedRedis],
  postgres: ['TEST_POSTGRES_URL', startSharedPostgres],
  mysql: ['TEST_MYSQL_URL', () => startSharedMysql('mysql')],
  mariadb: ['TEST_MARIADB_URL', () => startSharedMysql('mariadb')],
  etcd: ['TEST_ETCD_URL', startSharedEtcd],
};

interface TestRun {
  readonly folder: string;
  readonly servers: [variable: string, server: SharedServer][];
}

let run: TestRun | undefined;
let ending: Promise<void> | undefined;

/** Starts what all test files share, once, however many jest projects ask for it. */
export async function startTestRun(): Promise<void> {
  if (run) return;
  run = { folder: mkdtempSync(join(tmpdir(), 'exclusive-lock-test-')), servers: [] };
  // Servers that refuse to run as root run as another user, who must get to their folders.
  chmodSync(run.folder, 0o711);
  process.env.TEST_RUN_FOLDER = run.folder;
  for (const signal of INTERRUPTS) process.on(signal, interrupted);
  try {
    await provideFaketime();
    await startServers(run);
  } catch (error) {
    await endTestRun();
    throw error;
  }
}

async function startServers({ servers }: TestRun): Promise<void> {
  // Many tests are about something else, and run on Redis.
  for (const store of new Set<ServerStore>(['redis', ...TESTED_STORES])) {
    const [variable, start] = SHARED_SERVERS[store] ?? [];
    if (!variable || !start) continue;
    const server = await start();
    servers.push([variable, server]);
    process.env[variable] = server.url;
  }
}

/** Stops it, and whatever the tests have left running. */
export function endTestRun(): Promise<void> {
  return (ending ??= end().finally(() => (ending = undefined)));
}

async function end(): Promise<void> {
  if (!run) return;
  const { folder, servers } = run;
  try {
    await Promise.all(servers.map(([, server]) => server.stop()));
  } finally {
    killLeftovers(folder);
    rmSync(folder, { recursive: true, force: true });
    delete process.env.TEST_RUN_FOLDER;
    for (const [variable] of servers) delete process.env[variable];
    // Not before: signal-exit, which dependencies bring, ends a process that nobody else listens for.
    for (const signal of INTERRUPTS) process.off(signal, interrupted);
    run = undefined;
  }
}

function interrupted(signal: NodeJS.Signals): void {
  // Sent again once nobody listens, so that the run ends as interrupted runs do.
  void endTestRun().finally(() => process.kill(process.pid, signal));
}
