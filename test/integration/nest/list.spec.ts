import { hostname } from 'node:os';
import type { ExclusiveLockService, ListOptions, LockState } from 'nestjs-exclusive-lock';
import { eventually } from '../../support/eventually.js';
import { ExclusiveLock2 } from '../../support/exclusive-lock-2.js';
import { testRedisUrl } from '../../support/redis/test-redis.js';
import { leaseOf } from './support/lock-objects.js';
import { startApp } from './support/nest-apps.js';
import { useRedis } from './support/redis-prefix.js';

const TTL = 60_000;

const redis = useRedis();

let locks: ExclusiveLockService;

beforeEach(async () => {
  locks = await startReplica('one');
});

async function startReplica(replica: string): Promise<ExclusiveLockService> {
  const options = { redis: testRedisUrl(), prefix: redis.prefix, replica, ttl: TTL };
  return (await startApp({ locks: options })).locks;
}

const take = (name: string, contents?: unknown) => leaseOf(locks, name, { contents });

/** By name, since a listing is in no order. */
async function listed(options?: ListOptions): Promise<LockState[]> {
  const states: LockState[] = [];
  for await (const state of locks.list(options)) states.push(state);
  return states.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const namesOf = (states: LockState[]): string[] => states.map(({ name }) => name);

describe('list of the service', () => {
  it('returns the holder, the remaining time, the fencing token and the number of waiters of each lock', async () => {
    const lease = await take('import', { step: 3 });
    const other = await startReplica('two');
    const waiting = leaseOf(other, 'import', { wait: true });
    await eventually(async () => (await listed())[0].waiters === 1);

    const [state, ...rest] = await listed();

    expect(rest).toEqual([]);
    expect(state).toEqual({
      name: 'import',
      holder: {
        application: 'nestjs-exclusive-lock',
        replica: 'one',
        host: hostname(),
        pid: process.pid,
        since: expect.any(Date),
        occurrence: undefined,
        contents: { step: 3 },
      },
      remaining: expect.any(Number),
      fencingToken: lease.fencingToken,
      waiters: 1,
    });
    expect(state.remaining).toBeGreaterThan(TTL / 2);
    expect(state.remaining).toBeLessThanOrEqual(TTL);

    await lease.release();
    await waiting;
  });

  it('returns the locks whose name begins with a prefix, which is not a pattern', async () => {
    for (const name of ['job:1', 'job:2', 'jobs', 'a job:', 'job*', 'job*:1']) await take(name);

    expect(namesOf(await listed({ prefix: 'job:' }))).toEqual(['job:1', 'job:2']);
    expect(namesOf(await listed({ prefix: 'job*' }))).toEqual(['job*', 'job*:1']);
    expect(await listed({ prefix: 'nothing' })).toEqual([]);
    expect(await listed()).toHaveLength(6);
  });

  it('returns more locks than one page of SCAN holds, each once, and none that was released', async () => {
    const leases = await Promise.all(Array.from({ length: 1200 }, (_, i) => take(`lock-${i}`)));
    expect(new Set(namesOf(await listed())).size).toBe(1200);

    await Promise.all(leases.slice(1).map((lease) => lease.release()));

    expect(namesOf(await listed())).toEqual(['lock-0']);
  });

  it('returns the lock of another program, which has contents and no fencing token', async () => {
    const fencingToken = (await take('import')).fencingToken;
    await redis.client.del(`${redis.prefix}:import`);
    await new ExclusiveLock2(redis.client, `${redis.prefix}:import`).acquire('pod-7');
    await redis.client.set(`${redis.prefix}:for-ever`, 'x');

    const [forEver, imported] = await listed();

    expect(fencingToken).toEqual(expect.any(Number));
    expect(imported).toMatchObject({
      name: 'import',
      holder: { contents: 'pod-7' },
      fencingToken: undefined,
    });
    expect(imported.holder.replica).toBeUndefined();
    expect(forEver).toMatchObject({ name: 'for-ever', remaining: Infinity, fencingToken: undefined });
  });

  it.each<[what: string, options: unknown, told: string]>([
    ['a prefix with braces', { prefix: '{a' }, '"{a"'],
    ['a prefix that is a number', { prefix: 7 }, 'prefix must be a string; got 7'],
    ['a prefix of null', { prefix: null }, 'prefix must be a string'],
    ['an unknown option', { prefx: 'a' }, 'prefx is not an option of list. Known options: prefix.'],
    ['a prefix instead of options', 'job:', 'The options of list must be an object'],
  ])('rejects %s when it is read', async (_what, options, told) => {
    const reading = listed(options as ListOptions);
    await expect(reading).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining(told),
    });
  });
});
