import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from '../../../support/eventually.js';
import { freePort } from '../../../support/free-port.js';
import { noteChild } from '../../../support/leftovers.js';
import { findRedisBinary } from '../../../support/redis/find-redis-binary.js';

export const MASTER_NAME = 'main';

export interface Sentinel {
  readonly port: number;
  readonly client: Redis;
  /** What it knows of the replicas of the master. */
  replicas(): Promise<string>;
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/** A sentinel that alone decides about the master on `masterPort`. */
export async function startSentinel(masterPort: number): Promise<Sentinel> {
  const port = await freePort();
  const folder = mkdtempSync(join(process.env.TEST_RUN_FOLDER ?? tmpdir(), 'sentinel-'));
  const config = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${masterPort} 1`,
    `sentinel down-after-milliseconds ${MASTER_NAME} 500`,
    `sentinel failover-timeout ${MASTER_NAME} 3000`,
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const child = spawn(await findRedisBinary(), [config, '--sentinel'], { stdio: 'ignore' });
  await once(child, 'spawn');
  noteChild(child);
  const client = new Redis(port, '127.0.0.1');
  client.on('error', () => undefined);
  await eventually(async () => (await client.ping()) === 'PONG');
  return {
    port,
    client,
    replicas: async () => String(await client.call('SENTINEL', 'replicas', MASTER_NAME)),
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    async close() {
      if (client.status !== 'end') client.disconnect();
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
