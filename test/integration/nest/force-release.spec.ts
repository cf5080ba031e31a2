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
  it('takes the lock from the holder that inspect told of, and says so in the log', async () => {
    const lease = await take(holder);
    const { fence, holder: told } = await seen();
    expect(told.replica).toBe('holder');
    expect(fence).toBe(lease.fence);

    expect(await force({ fence })).toBe(true);

    const next = await take(operator.locks);
    expect(next.fence).toBeGreaterThan(lease.fence);
    expect(operator.log.ours('warn')).toEqual([
      `The lock "import" was taken from its holder by force (fence ${fence}).`,
    ]);
  });

  it('gives it to who stands in line', async () => {
    const lease = await take(holder);
    const waiter = await startReplica('waiter');
    const waiting = leaseOf(waiter.locks, 'import', { wait: true });
    await eventually(async () => (await seen()).waiters === 1);

    expect(await force({ fence: lease.fence })).toBe(true);

    expect((await waiting).held).toBe(true);
    expect((await seen()).holder.replica).toBe('waiter');
  });

  it('is noticed by the old holder at its next renewal: its signal aborts', async () => {
    const lease = await take(holder);
    const aborted = once(lease.signal, 'abort');

    await force({ fence: lease.fence });
    await aborted;

    // By its time it would have been held for 29 seconds more.
    expect(lease.signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'vanished' });
    expect(lease.held).toBe(false);
  });

  it('leaves a newer grant alone', async () => {
    const { fence } = await take(holder);
    await force({ fence });
    const newer = await take(holder);

    expect(await force({ fence })).toBe(false);

    expect((await seen()).fence).toBe(newer.fence);
    expect(operator.log.ours('warn')).toHaveLength(1);
  });

  it('finds nothing to take where the lock is free', async () => {
    const lease = await take(holder);
    await lease.release();
    expect(await force({ fence: lease.fence })).toBe(false);
  });

  it('cannot take the lock of another program, which has no fence', async () => {
    const lease = await take(holder);
    await lease.release();
    await new ExclusiveLock2(redis.client, `${redis.prefix}:import`).acquire('pod-7');
    const { fence, holder: told } = await seen();
    expect([fence, told.contents]).toEqual([undefined, 'pod-7']);

    await expect(force({ fence })).rejects.toMatchObject({ code: 'LOCK_CONFIGURATION' });
    // The store has it still.
    expect(await force({ fence: lease.fence })).toBe(false);

    expect(await redis.client.get(`${redis.prefix}:import`)).toBe('pod-7');
  });

  it.each<[what: string, options: unknown, told: string]>([
    ['no options', undefined, 'The options of forceRelease must be an object; got undefined'],
    ['a fence instead of options', 7, 'The options of forceRelease must be an object; got 7'],
    ['options without a fence', {}, 'fence must be the fence that inspect tells; got fence = undefined'],
    ['a fence that is text', { fence: '7' }, 'got fence = "7"'],
    [
      'an unknown option',
      { fence: 7, name: 'a' },
      'name is not an option of forceRelease. Known options: fence.',
    ],
  ])('rejects %s', async (_what, options, told) => {
    await expect(force(options)).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining(told),
    });
  });
});
