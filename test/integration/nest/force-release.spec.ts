import { once } from 'node:events';
import type { ExclusiveLockService, ForceReleaseOptions, LockState } from 'nestjs-exclusive-lock';
import { eventually } from '../../support/eventually.js';
import { ExclusiveLock2 } from '../../support/exclusive-lock-2.js';
import { testRedisUrl } from '../../support/redis/test-redis.js';
import { leaseOf } from './support/lock-objects.js';
import { startApp, type NestApp } from './support/nest-apps.js';
import { useRedis } from './support/redis-prefix.js';

const redis = useRedis();

let holder: ExclusiveLockService;
let operator: NestApp;

beforeEach(async () => {
  holder = (await startReplica('holder')).locks;
  operator = await startReplica('operator');
});

function startReplica(replica: string): Promise<NestApp> {
  const options = { redis: testRedisUrl(), prefix: redis.prefix, replica };
  return startApp({ locks: options });
}

const take = (locks: ExclusiveLockService) => leaseOf(locks, 'import', { ttl: 30_000, renewEvery: 200 });

async function seen(): Promise<LockState> {
  const state = await operator.locks.inspect('import');
  if (!state) throw new Error('The lock was free.');
  return state;
}

const force = (options: unknown): Promise<boolean> =>
  operator.locks.forceRelease('import', options as ForceReleaseOptions);

describe('forceRelease of the service', () => {
  it('takes the lock from the holder that inspect returned, and logs that', async () => {
    const lease = await take(holder);
    const { fencingToken, holder: told } = await seen();
    expect(told.replica).toBe('holder');
    expect(fencingToken).toBe(lease.fencingToken);

    expect(await force({ fencingToken })).toBe(true);

    const next = await take(operator.locks);
    expect(next.fencingToken).toBeGreaterThan(lease.fencingToken);
    expect(operator.log.ours('warn')).toEqual([
      `The lock "import" was taken from its holder by force (fencing token ${fencingToken}).`,
    ]);
  });

  it('hands the lock to the first waiter', async () => {
    const lease = await take(holder);
    const waiter = await startReplica('waiter');
    const waiting = leaseOf(waiter.locks, 'import', { wait: true });
    await eventually(async () => (await seen()).waiters === 1);

    expect(await force({ fencingToken: lease.fencingToken })).toBe(true);

    expect((await waiting).held).toBe(true);
    expect((await seen()).holder.replica).toBe('waiter');
  });

  it('is noticed by the previous holder at its next renewal: its signal aborts', async () => {
    const lease = await take(holder);
    const aborted = once(lease.signal, 'abort');

    await force({ fencingToken: lease.fencingToken });
    await aborted;

    // By its time it would have been held for 29 seconds more.
    expect(lease.signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'vanished' });
    expect(lease.held).toBe(false);
  });

  it('does not affect a newer grant', async () => {
    const { fencingToken } = await take(holder);
    await force({ fencingToken });
    const newer = await take(holder);

    expect(await force({ fencingToken })).toBe(false);

    expect((await seen()).fencingToken).toBe(newer.fencingToken);
    expect(operator.log.ours('warn')).toHaveLength(1);
  });

  it('does nothing if the lock is free', async () => {
    const lease = await take(holder);
    await lease.release();
    expect(await force({ fencingToken: lease.fencingToken })).toBe(false);
  });

  it('cannot take the lock of another program, which has no fencing token', async () => {
    const lease = await take(holder);
    await lease.release();
    await new ExclusiveLock2(redis.client, `${redis.prefix}:import`).acquire('pod-7');
    const { fencingToken, holder: told } = await seen();
    expect([fencingToken, told.contents]).toEqual([undefined, 'pod-7']);

    await expect(force({ fencingToken })).rejects.toMatchObject({ code: 'LOCK_CONFIGURATION' });
    // The store has it still.
    expect(await force({ fencingToken: lease.fencingToken })).toBe(false);

    expect(await redis.client.get(`${redis.prefix}:import`)).toBe('pod-7');
  });

  it.each<[what: string, options: unknown, told: string]>([
    ['no options', undefined, 'The options of forceRelease must be an object; got undefined'],
    ['a fencingToken instead of options', 7, 'The options of forceRelease must be an object; got 7'],
    [
      'options without a fencingToken',
      {},
      'fencingToken must be the fencingToken that inspect tells; got fencingToken = undefined',
    ],
    ['a fencingToken that is text', { fencingToken: '7' }, 'got fencingToken = "7"'],
    [
      'an unknown option',
      { fencingToken: 7, name: 'a' },
      'name is not an option of forceRelease. Known options: fencingToken.',
    ],
  ])('rejects %s', async (_what, options, told) => {
    await expect(force(options)).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining(told),
    });
  });
});
