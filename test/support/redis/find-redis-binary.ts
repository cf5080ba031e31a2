import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const NAMES = ['redis-server', 'valkey-server'];

const HOW_TO_GET_ONE = `These tests need a Redis. Any one of these will do:
  - a running Docker engine (image: REDIS_IMAGE, default redis:8); enough for most tests, but some start servers of their own
  - redis-server or valkey-server on the PATH, e.g. apt-get install redis-server, brew install redis
  - REDIS_URL=redis://host:port of a server that the tests may use (they touch keys of their own only)`;

const run = promisify(execFile);

/** The path of redis-server or valkey-server. Installs Debian's where that can be done unasked. */
export async function findRedisBinary(): Promise<string> {
  const binary = redisBinaryOnPath() ?? (await installedRedis());
  if (!binary) throw new Error(HOW_TO_GET_ONE);
  return binary;
}

export function redisBinaryOnPath(): string | undefined {
  return NAMES.map(onPath).find((path) => path !== undefined);
}

async function installedRedis(): Promise<string | undefined> {
  const root = process.getuid?.() === 0;
  if (!root || !existsSync('/etc/debian_version') || !onPath('apt-get')) return undefined;
  process.stderr.write('No Redis at hand: installing the redis-server package with apt-get.\n');
  await run('flock', ['/tmp/exclusive-lock-test.apt-lock', 'sh', '-c', INSTALL], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  }).catch((error: unknown) => {
    throw new Error(`apt-get could not install redis-server.\n${HOW_TO_GET_ONE}`, { cause: error });
  });
  return redisBinaryOnPath();
}

/** Behind a lock, since several test processes may come here at once. The tests need the program, not the service. */
const INSTALL = `
command -v redis-server >/dev/null && exit 0
set -e
apt-get update -qq
apt-get install -y -qq --no-install-recommends redis-server
if [ -d /run/systemd/system ]; then systemctl disable --now redis-server; fi
`;

function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
