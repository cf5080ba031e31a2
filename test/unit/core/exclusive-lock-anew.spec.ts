import type { ExclusiveLock } from '../../../lib/core/exclusive-lock.js';
import { acquired, lockOf, record } from './support/lock-object.js';
import { useRealTime } from './support/manual-clock.js';
import { RENEW_EVERY, startReplica, TTL, type Replica } from './support/replica.js';
import { fails, timesOut, type Behaviour } from './support/scripted-store.js';

let replica: Replica;

beforeEach(() => {
  replica = startReplica();
});
afterEach(useRealTime);

describe('a lock object that gets a new lease before the last one is released', () => {
  /** What the replica tells of the first lease, late. */
  let late: string[];

  /** `behaviour` is that of all releases until the second acquisition. */
  async function acquiredAnew(behaviour: Behaviour<never>): Promise<ExclusiveLock> {
    const lock = await acquired(lockOf(replica));
    const { fencingToken } = lock.lease!;
    replica.store.always('release', behaviour);
    const releasing = lock.release();
    await replica.clock.pass(TTL);
    await releasing;
    late = [];
    replica.locks.events.listen((event) => {
      if ('fencingToken' in event && event.fencingToken === fencingToken) late.push(event.type);
    });
    await acquired(lock);
    replica.store.recover('release');
    return lock;
  }

  it('keeps the new lease, and has released the first, if the store says later that another holder has it', async () => {
    const lock = await acquiredAnew(fails({ mayHaveRun: false }));
    const told = record(lock, 'released', 'lost', 'error');

    await replica.clock.pass(2000);

    expect(late).toEqual(['released']);
    expect([told, lock.acquired]).toEqual([[], true]);
  });

  it('emits no release of the first lease, but the events of the new one', async () => {
    const lock = await acquiredAnew(timesOut);
    const told = record(lock, 'refreshed', 'released', 'lost');

    await replica.clock.pass(RENEW_EVERY + 2000);

    expect(late).toEqual(['released']);
    expect([told, lock.acquired]).toEqual([['refreshed'], true]);
    await replica.store.steal('a');
    await replica.clock.pass(RENEW_EVERY);
    expect(told).toEqual(['refreshed', 'lost taken']);
  });
});
