import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { Exclusive } from 'nestjs-exclusive-lock';
import { openLocks, type OpenedLocks } from 'nestjs-exclusive-lock/locks';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/free-port.js';
import { testRedisUrl, uniquePrefix } from '../../support/redis/test-redis.js';
import { closeApps, startApp, type NestApp } from '../nest/support/nest-apps.js';
import { runCommand, type CommandResult, type CommandTrial } from './support/run-command.js';

let prefix: string;
let fails: boolean;
const open = new Set<OpenedLocks>();

beforeEach(() => {
  prefix = uniquePrefix();
  fails = false;
});
afterEach(async () => {
  await Promise.all([closeApps(), ...[...open].map((locks) => locks.close())]);
  open.clear();
});

@Injectable()
class Reports {
  @Cron('0 3 1 1 *', { timeZone: 'Europe/Berlin' })
  @Exclusive('nightly-report')
  async nightly(): Promise<void> {
    if (fails) throw new Error('no paper');
  }
}

const startReports = (): Promise<NestApp> =>
  startApp({
    locks: { redis: testRedisUrl(), prefix, replica: 'web-1', application: 'shop', version: 'v7' },
    imports: [ScheduleModule.forRoot()],
    providers: [Reports],
  });

async function openScript(): Promise<OpenedLocks> {
  const locks = await openLocks({
    redis: testRedisUrl(),
    prefix,
    replica: 'script',
    logger: false,
    drainTimeout: 0,
  });
  open.add(locks);
  return locks;
}

function cli(args: string, trial: CommandTrial = {}): Promise<CommandResult> {
  // A word in quotes may have spaces.
  const words = [...args.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
  return runCommand([...words, '--prefix', prefix], { env: { REDIS_URL: testRedisUrl() }, ...trial });
}

describe('locks on the command line', () => {
  it('are listed with holder, token and waiters', async () => {
    const locks = await openScript();
    const lease = await locks.acquire('import', { contents: { file: 7 } });

    const { code, stdout } = await cli('ls');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^NAME +HOLDER +SINCE +LEFT +TOKEN +WAITING +FOR\n/);
    expect(stdout).toMatch(new RegExp(`import +script .* ago .*${lease!.fencingToken} +0 +-`));
    expect((await cli('ls im')).stdout).toContain('import');
    expect((await cli('ls other')).stdout).toBe('No lock is held.\n');
    const { objects } = await cli('ls --json');
    expect(objects).toMatchObject([{ name: 'import', holder: { replica: 'script' }, waiters: 0 }]);
  });

  it('are looked at one by one, and the exit code says if one is free', async () => {
    const locks = await openScript();
    await locks.acquire('import', { contents: { file: 7 } });

    const held = await cli('get import');
    expect(held).toMatchObject({ code: 0, stderr: '' });
    expect(held.stdout).toMatch(/^holder +script$/m);
    expect(held.stdout).toMatch(/^contents +\{"file":7\}$/m);
    expect(await cli('get other')).toMatchObject({ code: 1, stdout: 'other is free.\n' });
    expect((await cli('get other --json')).objects).toEqual([{ name: 'other', free: true }]);
  });

  it('are taken from their holder by the token that it has, and by no other', async () => {
    const locks = await openScript();
    const lease = await locks.acquire('import');
    const token = lease!.fencingToken;

    expect(await cli(`release import --token ${token - 1}`)).toMatchObject({ code: 1 });
    expect(await locks.inspect('import')).not.toBeNull();
    expect(await cli(`release import --token ${token}`)).toMatchObject({ code: 0 });
    expect(await locks.inspect('import')).toBeNull();
    expect(await cli('release import')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--token'),
    });
  });
});

describe('jobs on the command line', () => {
  it('are listed with their schedule and last run', async () => {
    const { locks } = await startReports();
    await locks.jobs.run('nightly-report');

    const { code, stdout } = await cli('jobs');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /nightly-report +Reports\.nightly +0 3 1 1 \* Europe\/Berlin +in \d+d .* ago +web-1 +\d+ ms +succeeded +1/,
    );
    const { objects } = await cli('jobs --json');
    expect(objects).toMatchObject([
      { job: 'nightly-report', lastRun: { outcome: 'succeeded', byHand: true } },
    ]);
  });

  it('have their runs told, with the error of one that failed', async () => {
    const { locks } = await startReports();
    await locks.jobs.run('nightly-report');
    fails = true;
    await expect(locks.jobs.run('nightly-report')).rejects.toThrow('no paper');

    const { stdout } = await cli('runs nightly-report');
    expect(stdout.split('\n').slice(1, 3)).toEqual([
      expect.stringMatching(/web-1 .* failed .* no paper$/),
      expect.stringMatching(/web-1 .* succeeded .* run by hand$/),
    ]);
  });

  it('are paused and resumed', async () => {
    const { locks } = await startReports();

    const paused = await cli('pause nightly-report --reason "no paper" --by anna --until 2h');
    expect(paused).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^nightly-report is paused until /),
    });
    expect((await locks.jobs.get('nightly-report'))?.paused).toMatchObject({
      reason: 'no paper',
      by: 'anna',
    });
    expect((await cli('jobs')).stdout).toContain('paused');
    expect(await cli('resume nightly-report')).toMatchObject({ code: 0 });
    expect((await locks.jobs.get('nightly-report'))?.paused).toBeUndefined();
  });

  it.each(['runs other', 'pause other --reason r', 'resume other'])(
    'are not found by `%s`: exit code 1',
    async (args) => {
      await startReports();

      expect(await cli(args)).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('has the job other'),
      });
    },
  );

  it.each([
    ['pause nightly-report', '--reason must say why'],
    ['pause nightly-report --reason r --until soon', '--until must be'],
    ['pause nightly-report --reason r --until 2026-13-01', '--until must be a time'],
  ])('are not paused by `%s`: exit code 2', async (args, told) => {
    const { locks } = await startReports();

    expect(await cli(args)).toMatchObject({ code: 2, stderr: expect.stringContaining(told) });
    expect((await locks.jobs.get('nightly-report'))?.paused).toBeUndefined();
  });
});

it('lists the replicas with version and clock', async () => {
  await startReports();

  expect((await cli('replicas')).stdout).toMatch(/web-1 +shop +v7 +\d.* ago +\S.* +1\n/);
});

it('watches locks, runs and pauses', async () => {
  const { locks } = await startReports();
  const end = new AbortController();
  const seen: Record<string, unknown>[] = [];
  const onText = (text: string): unknown => seen.push(JSON.parse(text) as Record<string, unknown>);
  const told = (what: string): Promise<unknown> =>
    eventually(() => seen.some(({ change }) => change === what));
  const watching = cli('watch --every 100ms --json', { onText, signal: end.signal });

  // Changes count from its first look on.
  const script = await openScript();
  for (let i = 0; !seen.some(({ change }) => change === 'held'); i++) {
    await script.acquire(`lock-${i}`);
    await sleep(20);
  }
  await locks.jobs.pause('nightly-report', { reason: 'r', by: 'anna' });
  await told('paused');
  await locks.jobs.resume('nightly-report');
  await told('resumed');
  fails = true;
  await locks.jobs.run('nightly-report').catch(() => undefined);
  await told('failed');
  await script.close();
  await told('free');
  end.abort();

  expect(await watching).toMatchObject({ code: 0 });
  expect(seen.find(({ change }) => change === 'failed')).toMatchObject({
    job: 'nightly-report',
    text: expect.stringMatching(/failed on web-1 after .*: no paper/),
  });
});

describe('a command line that cannot be carried out', () => {
  it.each([
    [['dance'], 'There is no command dance. The commands: ls, get,'],
    [['toString'], 'There is no command toString'],
    [['ls', '--colour'], "Unknown option '--colour'"],
    [['get'], 'Usage: nestjs-exclusive-lock get <lock>'],
    [['get', 'a', 'b'], 'Usage: nestjs-exclusive-lock get <lock>'],
    [['ls', '--local', '--prefix', 'a:b'], 'prefix'],
    [['ls', '--redis', 'http://a'], 'redis'],
  ])('exits with 2 for %j', async (args, told) => {
    expect(await runCommand(args)).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(told),
    });
  });

  it('exits with 3 where the store does not answer', async () => {
    const redis = `redis://127.0.0.1:${await freePort()}`;

    expect(await runCommand(['ls', '--redis', redis])).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining(redis),
    });
  });

  it('explains itself', async () => {
    expect(await runCommand(['--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage: .*\n[^]*doctor\n/),
    });
    expect(await runCommand([])).toMatchObject({ code: 2, stdout: expect.stringMatching(/^Usage: /) });
  });
});
