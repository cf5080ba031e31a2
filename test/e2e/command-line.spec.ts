import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLocks } from 'nestjs-exclusive-lock/locks';
import { noteChild } from '../support/leftovers.js';
import { testRedisUrl, uniquePrefix } from '../support/redis/test-redis.js';

const ROOT = join(import.meta.dirname, '../..');
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  bin: Record<string, string>;
};
const BIN = join(ROOT, PACKAGE.bin['nestjs-exclusive-lock']);

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: string[]): Promise<Ended> {
  const env = { PATH: process.env['PATH'], REDIS_URL: testRedisUrl() };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BIN, ...args], { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
    noteChild(child);
  });
}

describe('the command that the package installs', () => {
  it('tells its version', async () => {
    expect(await run('--version')).toEqual({ code: 0, stdout: `${PACKAGE.version}\n`, stderr: '' });
  });

  it('lists the locks of an application, and ends by itself', async () => {
    const prefix = uniquePrefix();
    await using locks = await openLocks({
      redis: testRedisUrl(),
      prefix,
      replica: 'web-1',
      logger: false,
      drainTimeout: 0,
    });
    await locks.acquire('import');

    expect(await run('ls', '--prefix', prefix)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nimport +web-1 /),
      stderr: '',
    });
  });

  it('checks the store, and waits for leases that keep no process alive', async () => {
    expect(await run('doctor', '--prefix', uniquePrefix())).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/\nrecord of runs +ok +works\n/),
      stderr: '',
    });
  });

  it('ends with an exit code that a script can use', async () => {
    expect(await run('get', 'nothing', '--prefix', uniquePrefix())).toMatchObject({ code: 1, stderr: '' });
    expect(await run('dance')).toMatchObject({ code: 2, stdout: '' });
  });

  it('watches until it is interrupted', async () => {
    const prefix = uniquePrefix();
    const env = { PATH: process.env['PATH'], REDIS_URL: testRedisUrl() };
    const child = spawn(process.execPath, [BIN, 'watch', '--every', '100ms', '--prefix', prefix], { env });
    noteChild(child);
    await using locks = await openLocks({ redis: testRedisUrl(), prefix, logger: false, drainTimeout: 0 });
    const firstLine = once(child.stdout, 'data');
    // What is held when it looks first is no change.
    const asking = setInterval(() => void locks.run('import', () => undefined).catch(() => undefined), 30);
    await firstLine;
    clearInterval(asking);
    const exit = once(child, 'exit');
    child.kill('SIGINT');

    expect(await exit).toEqual([0, null]);
  });
});
