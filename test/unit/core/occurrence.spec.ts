import { LockConfigurationError } from '../../../lib/common/errors.js';
import { claimOf, describeClaim, type Occurrence } from '../../../lib/core/occurrence.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { useRealTime } from './support/manual-clock.js';
import { startReplica } from './support/replica.js';

const tick = new Date('2026-11-24T03:00:00Z');
const DAY = 86_400_000;

describe('an occurrence', () => {
  it.each<[Occurrence, object]>([
    [{ tick }, { kind: 'tick', job: '', time: tick.getTime(), rerun: false }],
    [
      { tick, job: 'nightly', onHolderDeath: 'rerun' },
      { kind: 'tick', job: 'nightly', time: tick.getTime(), rerun: true },
    ],
    [
      { gap: 1000.5, job: 'poll' },
      { kind: 'gap', job: 'poll', gap: 1001 },
    ],
    [{ key: 'v1' }, { kind: 'key', job: '["v1"]', remember: 7 * DAY }],
    [
      { key: 'v1', job: 'seed', remember: 60_000 },
      { kind: 'key', job: '["seed","v1"]', remember: 60_000 },
    ],
    [
      { key: 'v1', remember: 1.1 * DAY },
      { kind: 'key', job: '["v1"]', remember: 95_040_001 },
    ],
  ])('%j becomes the claim that it describes', (occurrence, claim) => {
    expect(claimOf(occurrence)).toEqual(claim);
  });

  it('differs from one of another job or key', () => {
    const claims = [{ key: 'b', job: 'a' }, { key: 'a', job: 'b' }, { key: '["a","b"]' }, { key: 'a' }].map(
      (occurrence) => claimOf(occurrence),
    );
    expect(new Set(claims.map(({ job }) => job)).size).toBe(claims.length);
  });

  it.each<[string, unknown, string]>([
    ['no object', 'v1', 'occurrence must be { tick: Date }'],
    ['null', null, 'occurrence must be { tick: Date }'],
    ['nothing in it', {}, 'occurrence must be { tick: Date }, { gap: duration } or { key: string }'],
    ['a tick that is no date', { tick: 5 }, 'occurrence.tick must be a valid Date; got occurrence.tick = 5.'],
    [
      'an invalid date',
      { tick: new Date(Number.NaN) },
      'occurrence.tick must be a valid Date; got occurrence.tick = an invalid Date.',
    ],
    ['a key that is no string', { key: 5 }, 'occurrence.key must be a string; got occurrence.key = 5.'],
    ['a job that is no string', { tick, job: 5 }, 'occurrence.job must be a string'],
    ['a gap of nothing', { gap: 0 }, 'occurrence.gap must be a number of milliseconds from 1'],
    ['a gap that is no number', { gap: '5' }, 'occurrence.gap must be a number of milliseconds'],
    ['a negative memory', { key: 'v1', remember: -1 }, 'occurrence.remember must be a number'],
    [
      'an unknown policy',
      { tick, onHolderDeath: 'wait' },
      "occurrence.onHolderDeath must be 'skip' or 'rerun'",
    ],
    ['a tick and a key', { tick, key: 'v1' }, 'tick is not an option of a key occurrence'],
    ['a memory of a tick', { tick, remember: 5 }, 'remember is not an option of a tick occurrence'],
  ])('with %s is refused', (_, occurrence, message) => {
    const failure = refusal(occurrence);
    expect(failure).toBeInstanceOf(LockConfigurationError);
    expect(failure.message).toContain(message);
  });
});

describe('a holder', () => {
  afterEach(useRealTime);

  it('names the run that it has the lock for', async () => {
    const replica = startReplica();
    const occurrence = { tick, job: 'Reports.nightly' };
    await replica.acquire('a', { occurrence });

    const state = await replica.locks.inspect('a');

    expect(state?.holder.occurrence).toBe(describeClaim(claimOf(occurrence)));
    expect(state?.holder.occurrence).toBe('tick 2026-11-24T03:00:00.000Z of Reports.nightly');
  });
});

describe('the state of a lock', () => {
  it('is kept for more than a day if a key must be remembered that long, and no longer', async () => {
    let now = 0;
    const store = new MemoryLockStore({ now: () => now }, () => now);
    const claim = claimOf({ key: 'v1', remember: 3 * DAY });
    const request = { name: 'a', owner: 'r', holder: '{}', ttl: 1000, claim };
    await store.acquire(request);
    await store.release({ ...request, end: 'completed' });

    now = 3 * DAY - 1;
    for (let i = 0; i < 2000; i++) await store.acquire({ name: `b${i}`, owner: 'r', holder: '{}', ttl: 1 });
    await expect(store.acquire({ ...request, owner: 's' })).resolves.toMatchObject({ status: 'done' });
    now = 3 * DAY;
    await expect(store.acquire({ ...request, owner: 't' })).resolves.toMatchObject({ status: 'granted' });
  });
});

function refusal(occurrence: unknown): Error {
  try {
    claimOf(occurrence as Occurrence);
  } catch (error) {
    return error as Error;
  }
  throw new Error('It was not refused.');
}
