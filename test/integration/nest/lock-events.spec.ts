import type { ExclusiveLockService, LockEvent } from 'nestjs-exclusive-lock';
import { eventually } from '../../support/eventually.js';
import { testRedisUrl } from '../../support/redis/test-redis.js';
import { leaseOf } from './support/lock-objects.js';
import { startApp } from './support/nest-apps.js';
import { useRedis } from './support/redis-prefix.js';

const redis = useRedis();

/** One replica, and what it tells. */
interface Replica {
  readonly locks: ExclusiveLockService;
  readonly events: LockEvent[];
}

let one: Replica;
let two: Replica;

beforeEach(async () => {
  one = await startReplica('one');
  two = await startReplica('two');
});

async function startReplica(replica: string): Promise<Replica> {
  const options = { redis: testRedisUrl(), prefix: redis.prefix, replica };
  const { locks } = await startApp({ locks: options });
  const events: LockEvent[] = [];
  locks.events$.subscribe((event) => events.push(event));
  return { locks, events };
}

const take = ({ locks }: Replica) => leaseOf(locks, 'job', { ttl: 30_000, renewEvery: 200 });

const typesOf = ({ events }: Replica): string[] => events.map(({ type }) => type);
const milliseconds = expect.any(Number) as unknown as number;

describe('events$', () => {
  it('emits waited and then acquired for a waiter that gets the lock', async () => {
    const lease = await take(one);
    const waiting = leaseOf(two.locks, 'job', { wait: true });
    await eventually(async () => (await one.locks.inspect('job'))?.waiters === 1);
    expect(two.events).toEqual([]);

    await lease.release();
    const { fencingToken } = await waiting;

    expect(two.events.slice(0, 2)).toEqual([
      {
        type: 'waited',
        name: 'job',
        occurrence: undefined,
        waited: milliseconds,
        holder: expect.objectContaining({ replica: 'one' }),
        granted: true,
      },
      {
        type: 'acquired',
        name: 'job',
        occurrence: undefined,
        fencingToken,
        waited: milliseconds,
        late: undefined,
      },
    ]);
  });

  it('emits only waited for a waiter whose wait has timed out', async () => {
    await take(one);

    await expect(two.locks.acquire('job', { wait: 150 })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });

    expect(two.events).toEqual([
      expect.objectContaining({
        type: 'waited',
        granted: false,
        holder: expect.objectContaining({ replica: 'one' }),
      }),
    ]);
    expect((two.events[0] as { waited: number }).waited).toBeGreaterThanOrEqual(149);
  });

  it('emits skipped with the holder of a busy lock, or with the occurrence that is done', async () => {
    const lease = await take(one);
    await two.locks.run('job', () => 1);
    await lease.release();
    const occurrence = { key: 'v1' };
    await one.locks.run('job', () => 1, { occurrence });

    await two.locks.run('job', () => 1, { occurrence });

    const skipped = { type: 'skipped', name: 'job', waited: milliseconds, error: undefined };
    expect(two.events).toEqual([
      {
        ...skipped,
        occurrence: undefined,
        reason: 'busy',
        holder: expect.objectContaining({ replica: 'one' }),
      },
      { ...skipped, occurrence: expect.stringContaining('v1'), reason: 'done', holder: undefined },
    ]);
  });

  it('emits forced in the forcing replica, and lost in the replica of the holder', async () => {
    const { fencingToken } = await take(one);

    await two.locks.forceRelease('job', { fencingToken });

    expect(two.events).toEqual([{ type: 'forced', name: 'job', occurrence: undefined, fencingToken }]);
    await eventually(() => typesOf(one).includes('lost'));
    expect(typesOf(one)).not.toContain('forced');
    expect(one.events.at(-1)).toEqual({
      type: 'lost',
      name: 'job',
      occurrence: undefined,
      fencingToken,
      error: expect.objectContaining({ code: 'LOCK_LOST', reason: 'vanished' }),
      held: milliseconds,
    });
  });

  it('emits no forced if nothing was taken', async () => {
    const { fencingToken } = await take(one);
    await two.locks.forceRelease('job', { fencingToken: fencingToken - 1 });
    expect(two.events).toEqual([]);
  });
});
