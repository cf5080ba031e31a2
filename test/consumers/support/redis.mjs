import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

/**
 * The Redis for the tests: the one that the environment names, else one of our own if redis-server is installed.
 *
 * @param folder that a server of our own may use
 * @returns its URL, undefined if there is none; and how to stop it
 */
export async function openRedis(folder) {
  const given = process.env.TEST_REDIS_URL || process.env.REDIS_URL;
  if (given) return { url: given, stop: async () => {} };
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  process.on('exit', () => server.kill('SIGKILL'));
  if (!(await isReady(server))) return { url: undefined, stop: async () => {} };
  return { url: `redis://127.0.0.1:${port}`, stop: () => stop(server) };
}

/** False if it is not installed. */
function isReady(server) {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => (error.code === 'ENOENT' ? resolve(false) : reject(error)));
    server.once('exit', (code) => reject(new Error(`redis-server ended with code ${code}`)));
    createInterface({ input: server.stdout }).on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve(true);
    });
  });
}

async function stop(server) {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exit = once(server, 'exit');
  server.kill('SIGTERM');
  await exit;
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
