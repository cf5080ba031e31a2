import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pinned } from './pinning.mjs';

/** Starts a redis-server of the benchmark's own on a free port of 127.0.0.1. It forgets everything in the end. */
export async function startRedis({ onAnyCore = false } = {}) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'exclusive-lock-bench-'));
  const settings = { port, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const [command, ...rest] = pinned(['redis-server', ...args], { onAnyCore });
  const child = spawn(command, rest, { stdio: 'ignore' });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`redis-server ended at once (${code}). Is it installed, and on the PATH?`);
  });
  failed.catch(() => {});
  const client = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => 50 });
  client.on('error', () => {});
  // `once` of node:events would end at the first attempt that comes before the server listens.
  const ready = new Promise((resolve) => client.once('ready', resolve));
  client.connect().catch(() => {});
  await Promise.race([ready, failed]);
  const [, version] = /redis_version:(\S+)/.exec(await client.info('server'));

  return {
    port,
    version,
    client,
    async close() {
      client.disconnect();
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit').catch(() => {});
      await sleep(10);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
