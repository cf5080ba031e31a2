import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { onPath } from './on-path.js';

const run = promisify(execFile);

/**
 * Installs a Debian package where that can be done unasked: as root, on Debian or Ubuntu. Tells whether it did.
 * Behind a lock, since several test processes may come here at once.
 */
export async function aptInstall(name: string): Promise<boolean> {
  const root = process.getuid?.() === 0;
  if (!root || !existsSync('/etc/debian_version') || !onPath('apt-get')) return false;
  process.stderr.write(`Installing the package ${name}, which the tests need, with apt-get.\n`);
  const install = `set -e
    dpkg -s ${name} >/dev/null 2>&1 && exit 0
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends ${name}`;
  await run('flock', ['/tmp/exclusive-lock-test.apt-lock', 'sh', '-c', install], {
    // The tests need programs, not running services.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
  return true;
}
