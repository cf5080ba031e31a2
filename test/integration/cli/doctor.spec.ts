import { Redis } from 'ioredis';
import { freePort } from '../../support/free-port.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { runCommand, type CommandResult } from './support/run-command.js';

afterEach(() => RedisServer.closeAll());

const doctor = (url: string): Promise<CommandResult> => runCommand(['doctor', '--json', '--redis', url]);

function finding(check: string, { objects }: CommandResult): Record<string, unknown> | undefined {
  return objects.find((object) => object['check'] === check);
}

describe('the doctor', () => {
  it('finds nothing wrong with a Redis that is set up for locks', async () => {
    const server = await RedisServer.start({ appendonly: true });

    const result = await doctor(server.url);
    expect(result.objects.map(({ check, status }) => `${String(check)}: ${String(status)}`)).toEqual([
      'latency: ok',
      'version: ok',
      'eviction: ok',
      'persistence: ok',
      'replication: ok',
      'acquire, renew, release: ok',
      'wait and hand over: ok',
      'list: ok',
      'take a lock away: ok',
      'record of runs: ok',
      'clocks: ok',
    ]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
  });

  it('leaves no lock behind', async () => {
    const server = await RedisServer.start();

    await doctor(server.url);
    expect(await runCommand(['ls', '--redis', server.url])).toMatchObject({ stdout: 'No lock is held.\n' });
  });

  it('says what to change on a server that may evict locks and forgets them when it restarts', async () => {
    const args = ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'];
    const server = await RedisServer.start({ args });

    const result = await doctor(server.url);
    expect(result.code).toBe(1);
    expect(finding('eviction', result)).toMatchObject({
      status: 'problem',
      found: expect.stringContaining('allkeys-lru'),
      advice: expect.stringContaining('noeviction'),
    });
    expect(finding('persistence', result)).toMatchObject({ status: 'warning' });
    expect(finding('start', result)).toMatchObject({
      found: expect.stringContaining('allkeys-lru'),
    });
  });

  it('says which call the user of the store may not make', async () => {
    const server = await RedisServer.start();
    const admin = new Redis(server.url);
    await admin.call('acl', 'setuser', 'app', 'on', '>secret', '~*', '&*', '+@all', '-scan');
    admin.disconnect();

    const result = await doctor(server.url.replace('://', '://app:secret@'));
    expect(result.code).toBe(1);
    expect(finding('list', result)).toMatchObject({
      status: 'problem',
      found: expect.stringContaining("can't run this command"),
    });
    expect(finding('wait and hand over', result)).toMatchObject({ status: 'ok' });
    expect(result.stdout).not.toContain('secret');
  });

  it('says that a replica is not the place for locks', async () => {
    const primary = await RedisServer.start();
    const replica = await RedisServer.start({ args: ['--replicaof', '127.0.0.1', String(primary.port)] });

    const result = await doctor(replica.url);
    expect(finding('replication', result)).toMatchObject({ status: 'problem', found: 'role slave' });
  });

  it('exits with 3 where nothing answers', async () => {
    expect(await doctor(`redis://127.0.0.1:${await freePort()}`)).toMatchObject({ code: 3, stdout: '' });
  });

  it('tells people its advice below its findings', async () => {
    const server = await RedisServer.start();

    const { stdout } = await runCommand(['doctor', '--redis', server.url]);
    expect(stdout).toMatch(/^CHECK +FOUND\n/);
    expect(stdout).toMatch(/^persistence +warning +snapshots/m);
    expect(stdout).toMatch(/^persistence: If the server restarts/m);
  });
});
