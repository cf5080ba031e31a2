import type { Redis } from 'ioredis';
import type { AcquireRequest, Claim, EndOfRun, JobRequest } from '../../../lib/stores/lock-store.js';
import type { RedisLockStore } from '../../../lib/stores/redis/redis-lock-store.js';
import { RedisServer } from '../../support/redis/redis-server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { ACL_TO_READ_RUNS, MINIMAL_ACL } from './support/acl.js';
import { startCluster } from './support/cluster.js';
import { closeEverything, openStore, tokenOf, voided, wanted, WITHIN } from './support/redis-stores.js';

const DAY = 24 * 60 * 60 * 1000;
const RECORD = '{locks:lock}:tick:nightly';
const PAUSE = { reason: 'the supplier is down', by: 'ops', since: 1_800_000_000_000 };
const NIGHTLY: JobRequest = { name: 'lock', kind: 'tick', job: 'nightly' };

let server: RedisServer;
let client: Redis;
let store: RedisLockStore;

beforeEach(async () => {
  server = await RedisServer.start();
  client = server.client();
  ({ store } = await openStore(server.url));
});
afterEach(closeEverything);

function tick(time = Date.now() - 60_000, more: Partial<Claim> = {}): Claim {
  return {
    kind: 'tick',
    job: 'nightly',
    time,
    rerun: false,
    history: 20,
    replica: 'web-1',
    ...more,
  } as Claim;
}

async function run(claim: Claim, end: Partial<EndOfRun> = {}, on = store): Promise<void> {
  const mine = { ...wanted(), claim };
  const fencingToken = tokenOf(await on.acquire(mine, WITHIN));
  const ended = { fencingToken, outcome: 'succeeded', ...end } as const;
  expect(await on.release({ ...mine, end: 'completed', run: ended }, WITHIN)).toBe('held');
}

/** How often the server carries out each command for a call, those of scripts included. */
async function commandsOf(call: () => Promise<unknown>): Promise<Record<string, number>> {
  await client.config('RESETSTAT');
  await call();
  const stats = [...(await client.info('commandstats')).matchAll(/cmdstat_(\w+):calls=(\d+)/g)];
  const counts = stats.map(([, command, calls]) => [command, Number(calls)] as const);
  return Object.fromEntries(
    counts.filter(([command]) => !['info', 'config', 'evalsha', 'eval'].includes(command)),
  );
}

describe('the record of a run costs', () => {
  const time = Date.now() - 60_000;
  beforeEach(() => run(tick(time)));

  it('no command of the server at a grant, and none at a refusal', async () => {
    const plain = { ...wanted('other'), claim: tick(time + 1, { history: undefined }) };
    const recorded = { ...wanted(), claim: tick(time + 1) };
    const granted = await commandsOf(() => store.acquire(recorded, WITHIN));
    expect(granted).toEqual(await commandsOf(() => store.acquire(plain, WITHIN)));
    const refused = await commandsOf(() => store.acquire({ ...wanted(), claim: tick(time + 1) }, WITHIN));
    expect(refused).toEqual({ mget: 1, time: 1 });
  });

  it('two commands more at a release', async () => {
    const mine = { ...wanted(), claim: tick(time + 1) };
    const fencingToken = tokenOf(await store.acquire(mine, WITHIN));
    const ended = { fencingToken, outcome: 'succeeded', duration: 5 } as const;
    const released = await commandsOf(() => store.release({ ...mine, run: ended }, WITHIN));
    const plain = { get: 1, exists: 1, del: 1 };
    expect(released).toEqual({ ...plain, get: 2, set: 1 });
  });

  it('less than 6 KB for 20 runs, though all have failed with long errors', async () => {
    const error = 'x'.repeat(180);
    for (let i = 1; i <= 25; i++) await run(tick(time + i), { outcome: 'failed', error });
    const [{ runs }] = await store.runs.read([NIGHTLY], WITHIN);
    expect(runs).toHaveLength(20);
    expect(runs[19]).toMatchObject({ outcome: 'failed', error });
    // The allocator rounds up, by a fifth at most.
    expect(await client.strlen(RECORD)).toBeLessThan(6 * 1024);
    expect(await client.memory('USAGE', RECORD)).toBeLessThan(1.25 * 6 * 1024);
  });

  it('one command for reading any number of jobs', async () => {
    const jobs = Array.from({ length: 100 }, (_, i) => ({ ...NIGHTLY, name: `lock-${i}` }));
    expect(await commandsOf(() => store.runs.read([NIGHTLY, ...jobs], WITHIN))).toEqual({ mget: 1, time: 1 });
  });
});

describe('the record of a job', () => {
  it('is kept for 35 days after its last run, also if what it claims is remembered for less', async () => {
    await run(tick());
    await run({ kind: 'key', job: 'v1', remember: 1000, history: 5, replica: 'web-1' });
    await run({ kind: 'gap', job: 'sync', gap: 1000, history: 5, replica: 'web-1' });
    for (const key of [RECORD, '{locks:lock}:key:v1', '{locks:lock}:gap:sync'])
      expect((await client.pttl(key)) / DAY).toBeCloseTo(35, 1);
  });

  it('is kept for as long as the job is paused', async () => {
    await store.runs.pause(NIGHTLY, PAUSE, WITHIN);
    expect(await client.pttl(RECORD)).toBe(-1);
    await run(tick(undefined, { byHand: true }));
    expect(await client.pttl(RECORD)).toBe(-1);
    await store.runs.pause(NIGHTLY, { ...PAUSE, until: Date.now() + 100 * DAY }, WITHIN);
    await run(tick(undefined, { byHand: true }));
    expect((await client.pttl(RECORD)) / DAY).toBeCloseTo(100, 1);
    await store.runs.pause(NIGHTLY, { ...PAUSE, until: Date.now() + DAY }, WITHIN);
    expect((await client.pttl(RECORD)) / DAY).toBeCloseTo(35, 1);
    await store.runs.pause(NIGHTLY, null, WITHIN);
    expect((await client.pttl(RECORD)) / DAY).toBeCloseTo(35, 1);
  });

  it('is not shortened by a pause if a key is remembered for longer', async () => {
    const job: JobRequest = { name: 'lock', kind: 'key', job: 'v1' };
    await run({ kind: 'key', job: 'v1', remember: 100 * DAY });
    await store.runs.pause(job, PAUSE, WITHIN);
    await store.runs.pause(job, null, WITHIN);
    expect((await client.pttl('{locks:lock}:key:v1')) / DAY).toBeCloseTo(100, 1);
  });

  it('is no key if nothing is known of the job any more', async () => {
    await store.runs.pause(NIGHTLY, PAUSE, WITHIN);
    await store.runs.pause(NIGHTLY, null, WITHIN);
    expect(await client.exists(RECORD)).toBe(0);
  });

  it('is read where only the last tick was written, with or without an application', async () => {
    const time = Date.now() - 60_000;
    for (const application of ['', 'shop']) {
      await client.set(RECORD, `${time}\ndone\np1\n${application}`);
      expect(await store.runs.read([NIGHTLY], WITHIN)).toEqual([
        { lastTick: time, pause: undefined, runs: [] },
      ]);
      const reply = await store.acquire({ ...wanted(), claim: tick(time) }, WITHIN);
      expect(reply).toMatchObject({ status: 'done', ...(application && { application }) });
    }
  });

  it('is written where the server has no memory left, so that the lock is freed', async () => {
    const mine = { ...wanted(), claim: tick() };
    const fencingToken = tokenOf(await store.acquire(mine, WITHIN));
    await client.config('SET', 'maxmemory', '1');
    const ended = { fencingToken, outcome: 'failed', error: 'no room' } as const;
    expect(await store.release({ ...mine, run: ended }, WITHIN)).toBe('held');
    const [{ runs }] = await store.runs.read([NIGHTLY], WITHIN);
    expect(runs).toMatchObject([{ outcome: 'failed', error: 'no room' }]);
  });

  it('is written for those of many requests that claim a run, all in one call', async () => {
    const time = Date.now() - 60_000;
    const wishes = Array.from({ length: 6 }, (_, i): AcquireRequest => {
      const claim = i % 2 ? tick(time) : undefined;
      return { ...wanted(`lock-${i}`), claim };
    });
    const replies = await Promise.all(wishes.map((wish) => store.acquire(wish, WITHIN)));
    const ends = wishes.map((wish, i) => {
      const ended = { fencingToken: tokenOf(replies[i]), outcome: 'succeeded' } as const;
      return store.release({ ...wish, end: 'completed', ...(wish.claim && { run: ended }) }, WITHIN);
    });
    expect(await Promise.all(ends)).toEqual(wishes.map(() => 'held'));
    const states = await store.runs.read(
      wishes.map(({ name }) => ({ ...NIGHTLY, name })),
      WITHIN,
    );
    expect(states.map(({ runs }) => runs.map(({ outcome }) => outcome).join())).toEqual([
      '',
      'succeeded',
      '',
      'succeeded',
      '',
      'succeeded',
    ]);
  });
});

describe('a tick that is too late', () => {
  it('is told again to the one whose first reply was lost, and to nobody else', async () => {
    const proxy = await TcpProxy.start(server.port);
    const { store: slow } = await openStore(`redis://127.0.0.1:${proxy.port}`);
    const time = Date.now() - 3_600_000;
    await run(tick(time - 1000));
    const claim = tick(time, { missed: { within: 1000, next: Date.now() + DAY } });
    const mine = { ...wanted(), claim };
    proxy.hold('toClient');
    await expect(slow.acquire(mine, 200)).rejects.toMatchObject({ mayHaveRun: true });
    expect(await store.acquire({ ...wanted(), claim }, WITHIN)).not.toHaveProperty('isMissed');
    proxy.releaseHeld('toClient');

    expect(await slow.acquire(mine, WITHIN)).toMatchObject({ status: 'done', isMissed: true });
    await slow.release(voided(mine), WITHIN);
    expect(await store.acquire({ ...wanted(), claim }, WITHIN)).not.toHaveProperty('isMissed');
    const [{ runs }] = await store.runs.read([NIGHTLY], WITHIN);
    expect(runs.map(({ outcome }) => outcome)).toEqual(['missed', 'succeeded']);
  });
});

describe('the replicas', () => {
  it('are one key that goes when the last of them does, and that no lock has', async () => {
    await store.runs.publish('web-1', '{}', 60_000, WITHIN);
    await store.runs.publish('web-2', '{}', 20_000, WITHIN);
    const key = '{locks:}:replicas';
    expect(await client.keys('*')).toEqual([key]);
    expect(await client.pttl(key)).toBeGreaterThan(50_000);
    expect(await client.pttl(key)).toBeLessThanOrEqual(60_001);

    for (const name of ['replicas', ':replicas', '{}:replicas', '{locks:}:replicas'])
      expect(await store.acquire(wanted(name), WITHIN)).toMatchObject({ status: 'granted' });
    const listed: string[] = [];
    for await (const { name } of store.admin.list('', WITHIN)) listed.push(name);
    expect(listed).toHaveLength(4);
    expect((await store.runs.replicas(WITHIN)).entries).toHaveLength(2);

    for (const replica of ['web-1', 'web-2']) await store.runs.publish(replica, '{}', 0, WITHIN);
    expect(await client.exists(key)).toBe(0);
  });

  it('and runs need no more than the commands of the README', async () => {
    await client.acl('SETUSER', 'locks', 'on', '>secret', ...MINIMAL_ACL, ...ACL_TO_READ_RUNS);
    const { store: allowed } = await openStore({ port: server.port, username: 'locks', password: 'secret' });
    await run(tick(), {}, allowed);
    await allowed.runs.pause(NIGHTLY, PAUSE, WITHIN);
    await allowed.runs.pause(NIGHTLY, null, WITHIN);
    await allowed.runs.publish('web-1', '{}', 60_000, WITHIN);
    await allowed.runs.publish('web-1', '{}', 0, WITHIN);
    expect((await allowed.runs.replicas(WITHIN)).entries).toEqual([]);
    expect(await allowed.runs.read([NIGHTLY], WITHIN)).toMatchObject([{ runs: [{ outcome: 'succeeded' }] }]);
    expect(await client.acl('LOG')).toEqual([]);
  });
});

describe('in a cluster', () => {
  it('the jobs of many locks are read, each from its node, and the replicas from theirs', async () => {
    const cluster = await startCluster();
    const { store: clustered } = await openStore({ cluster: cluster.nodes });
    const jobs: JobRequest[] = [];
    for (let i = 0; i < 12; i++) {
      const mine = { ...wanted(`lock-${i % 6}`), claim: { ...tick(), job: `job-${i}`, replica: `web-${i}` } };
      tokenOf(await clustered.acquire(mine, WITHIN));
      await clustered.release(mine, WITHIN);
      jobs.push({ ...NIGHTLY, name: mine.name, job: `job-${i}` });
    }
    const states = await clustered.runs.read(jobs, WITHIN);
    expect(states.map(({ runs }) => runs[0]?.replica)).toEqual(jobs.map((_, i) => `web-${i}`));
    await clustered.runs.pause(jobs[0], PAUSE, WITHIN);
    const paused = { ...wanted('lock-0'), claim: { ...tick(), job: 'job-0' } };
    expect(await clustered.acquire(paused, WITHIN)).toMatchObject({ status: 'paused', pause: PAUSE });
    await clustered.runs.publish('web-1', '{}', 60_000, WITHIN);
    expect((await clustered.runs.replicas(WITHIN)).entries).toEqual(['{}']);
  });
});
