import { once } from 'node:events';
import { acquired, lockOf, record } from './support/lock-object.js';
import { settle, useRealTime } from './support/manual-clock.js';
import { LEASE, RENEW_EVERY, startReplica, TTL, type Replica } from './support/replica.js';
import { answersAfter, carriedOutAfter, fails, hangs } from './support/scripted-store.js';

let replica: Replica;
let other: Replica;

beforeEach(() => {
  replica = startReplica();
  other = startReplica({}, replica);
});
afterEach(useRealTime);

describe('acquired of a lock object', () => {
  it('is false at the first check after a pause longer than the TTL, even if no timer has run', async () => {
    const lock = await acquired(lockOf(replica));
    const told = record(lock, 'lost');

    replica.clock.standStill(LEASE - 1);
    expect(lock.acquired).toBe(true);
    replica.clock.standStill(1);

    expect([lock.acquired, lock.lease]).toEqual([false, null]);
    expect(told).toEqual(['lost expired']);
  });

  it('is false when the time has run out while the store hangs', async () => {
    const lock = await acquired(lockOf(replica));
    const told = record(lock, 'lost');
    replica.store.always('renew', hangs);

    await replica.clock.pass(LEASE + 1);

    expect(told).toEqual(['lost store-unavailable']);
    expect(lock.acquired).toBe(false);
  });

  it('comes with a lease while it is true, which has fencing token, signal and assertHeld()', async () => {
    const lock = lockOf(replica);
    expect(lock.lease).toBeNull();
    await acquired(lock);
    const { lease } = lock;
    expect(lease).toMatchObject({ name: 'a', held: true, fencingToken: expect.any(Number) });
    const { signal } = lease!;
    await replica.store.steal('a');
    await replica.clock.pass(RENEW_EVERY);
    expect([lock.lease, signal.aborted]).toEqual([null, true]);
    expect(() => lease!.assertHeld()).toThrow(/another owner holds/);
  });
});

describe('the events of a lock object', () => {
  it('report a failed renewal once as renewalFailed until one succeeds, and the lock is kept meanwhile', async () => {
    const lock = await acquired(lockOf(replica));
    const told = record(lock, 'refreshed', 'renewalFailed', 'lost', 'error');
    replica.store.always('renew', fails({ mayHaveRun: false }));
    await replica.clock.pass(RENEW_EVERY + 500);
    expect(replica.store.callsOf('renew').length).toBeGreaterThan(2);
    expect([lock.acquired, told]).toEqual([true, ['renewalFailed LOCK_STORE']]);

    replica.store.recover('renew');
    await replica.clock.pass(RENEW_EVERY);
    expect(told.slice(0, 2)).toEqual(['renewalFailed LOCK_STORE', 'refreshed']);
    replica.store.next('renew', fails({ mayHaveRun: false }));
    await replica.clock.pass(RENEW_EVERY);
    expect(told.filter((line) => line === 'renewalFailed LOCK_STORE')).toHaveLength(2);
    expect(told).not.toContain('error LOCK_STORE');
  });

  it('keep work running that an error listener of 2.0.0 would stop, if a renewal fails and the next succeeds', async () => {
    const lock = await acquired(lockOf(replica));
    let working = true;
    lock.on('error', () => (working = false));
    replica.store.next('renew', fails({ mayHaveRun: false }));
    await replica.clock.pass(3 * RENEW_EVERY);
    // Had it stopped, nobody would work: this object holds the lock, and no other can have it.
    expect([working, lock.acquired, await lockOf(other).acquire()]).toEqual([true, true, false]);

    await replica.store.steal('a');
    await replica.clock.pass(RENEW_EVERY);
    expect([working, lock.acquired]).toEqual([false, false]);
  });

  it('report a loss as error if nobody listens to lost', async () => {
    const lock = await acquired(lockOf(replica));
    const told = record(lock, 'error');
    await replica.store.steal('a');

    await replica.clock.pass(RENEW_EVERY);

    expect(told).toEqual(['error LOCK_LOST']);
  });

  it('report a loss only as lost if somebody listens to that', async () => {
    const lock = await acquired(lockOf(replica));
    const told = record(lock, 'lost', 'error', 'released');
    await replica.store.steal('a');

    await replica.clock.pass(RENEW_EVERY);

    expect(told).toEqual(['lost taken']);
  });

  it('log an error without a listener, and do not end the process', async () => {
    await acquired(lockOf(replica));
    replica.store.next('renew', fails({ mayHaveRun: false }));
    await replica.clock.pass(RENEW_EVERY);
    await replica.store.steal('a');
    await replica.clock.pass(RENEW_EVERY);

    const ours = replica.logger.errors.filter((line) => line.includes('no listener'));
    expect(ours).toEqual([
      expect.stringMatching(/no listener: The lease on "a" is lost: another owner holds/),
    ]);
  });

  it('log the error of a listener that throws or rejects, and continue', async () => {
    const lock = lockOf(replica);
    lock.on('acquired', () => {
      throw new Error('at once');
    });
    // oxlint-disable-next-line typescript/no-misused-promises -- what users do, too
    lock.on('refreshed', async () => {
      throw new Error('later');
    });
    lock.on('released', () => {
      throw new Error('at the end');
    });

    await acquired(lock);
    await replica.clock.pass(RENEW_EVERY);
    await lock.release();
    await settle();

    expect(replica.logger.errors).toEqual([
      'A listener for the event acquired of the lock "test:a" threw: at once.',
      'A listener for the event refreshed of the lock "test:a" threw: later.',
      'A listener for the event released of the lock "test:a" threw: at the end.',
    ]);
    expect(await replica.store.holderOf('a')).toBeNull();
  });

  it('of two objects with one name are separate', async () => {
    const [first, second] = [lockOf(replica), lockOf(replica)];
    const told = { first: record(first, 'refreshed', 'released'), second: record(second, 'refreshed') };
    await acquired(first);
    expect(await second.acquire()).toBe(false);
    await replica.clock.pass(RENEW_EVERY);
    await first.release();
    await acquired(second);
    await replica.clock.pass(RENEW_EVERY);

    expect(told).toEqual({ first: ['refreshed', 'released'], second: ['refreshed'] });
  });

  it('report nothing about the lease that the object had before and could not release in time', async () => {
    const [first, second] = [await acquired(lockOf(replica)), lockOf(replica)];
    replica.store.always('release', hangs);
    replica.clock.standStill(TTL);
    expect(first.acquired).toBe(false);
    await acquired(second);
    const told = record(second, 'released', 'lost', 'error');
    await replica.clock.pass(1000);
    expect([told, second.acquired]).toEqual([[], true]);
  });

  it('are no longer created when the lock is released or lost', async () => {
    const makes = (): boolean => {
      let made = false;
      replica.locks.events.emit(() => {
        made = true;
        return {
          type: 'renewed',
          name: 'b',
          fencingToken: 1,
          occurrence: undefined,
          job: undefined,
          remaining: 1,
        };
      });
      return made;
    };
    const lock = await acquired(lockOf(replica));
    expect(makes()).toBe(true);
    await lock.release();
    expect(makes()).toBe(false);
    await acquired(lock);
    replica.clock.standStill(TTL);
    expect([lock.acquired, makes()]).toEqual([false, false]);
  });

  it('can be waited for with once() of Node', async () => {
    const lock = lockOf(replica);
    const told = once(lock, 'acquired');
    await acquired(lock);
    expect(await told).toEqual(['test:a']);
  });

  it('compile only with their own names and arguments', () => {
    const lock = lockOf(replica);
    // @ts-expect-error no such event
    lock.on('aquired', () => undefined);
    // @ts-expect-error its argument is the key
    lock.on('acquired', (_key: number) => undefined);
    // @ts-expect-error it has no second argument
    lock.on('lost', (_error, _more: string) => undefined);
    expect(lock.listenerCount('acquired')).toBe(1);
  });
});

describe('a lock object whose calls overlap', () => {
  it('asks the store once when acquire() is called twice at the same time', async () => {
    const lock = lockOf(replica);
    expect(await Promise.all([lock.acquire(), lock.acquire()])).toEqual([true, true]);
    expect(replica.store.callsOf('acquire')).toHaveLength(1);
  });

  it('releases the lock if release() is called before acquire() is answered', async () => {
    replica.store.next('acquire', answersAfter(1000));
    const lock = lockOf(replica);
    const [acquiring, releasing] = [lock.acquire(), lock.release()];
    await replica.clock.pass(1000);
    await Promise.all([acquiring, releasing]);
    expect(lock.acquired).toBe(false);
    expect(await replica.store.holderOf('a')).toBeNull();
  });

  it('has the lock after acquire, release and acquire that were not awaited, and not after one more release', async () => {
    const lock = lockOf(replica);
    const calls = [lock.acquire(), lock.release(), lock.acquire()];
    await expect(Promise.all(calls)).resolves.toEqual([true, undefined, true]);
    expect(lock.acquired).toBe(true);

    await Promise.all([lock.release(), lock.acquire(), lock.release(), lock.release()]);
    expect(lock.acquired).toBe(false);
    expect(await replica.store.holderOf('a')).toBeNull();
  });

  it('has the lock again if it is acquired while an earlier release is under way', async () => {
    const lock = lockOf(replica);
    const first = lock.acquire();
    const released = lock.release();
    await first;

    await expect(lock.acquire()).resolves.toBe(true);

    await released;
    expect([lock.acquired, replica.logger.warnings]).toEqual([true, []]);
  });

  it('does not find its own lock held if acquire() is called before release() is answered', async () => {
    const lock = await acquired(lockOf(replica));
    replica.store.next('release', carriedOutAfter(100));
    const releasing = lock.release();
    expect(lock.acquired).toBe(false);
    const acquiring = lock.acquire();
    await replica.clock.pass(100);
    await releasing;
    expect([await acquiring, lock.acquired]).toEqual([true, true]);
  });

  it('renews with one call at a time', async () => {
    await acquired(lockOf(replica));
    replica.store.always('renew', hangs);
    await replica.clock.pass(LEASE - 1);
    expect(replica.store.callsOf('renew')).toHaveLength(1);
  });
});

describe('a lock object that has lost its lock', () => {
  it('has nothing to release, and can be acquired again', async () => {
    const lock = await acquired(lockOf(replica));
    const told = record(lock, 'lost', 'released');
    replica.clock.standStill(TTL);
    expect(lock.acquired).toBe(false);
    await lock.release();
    expect(told).toEqual(['lost expired']);

    await acquired(lock);
    await lock.release();
    expect(told).toEqual(['lost expired', 'released']);
  });

  it('can be acquired again by the listener of the loss', async () => {
    const lock = await acquired(lockOf(replica));
    const again = new Promise<boolean>((resolve) => lock.once('lost', () => resolve(lock.acquire())));
    replica.clock.standStill(TTL);
    await replica.clock.pass(RENEW_EVERY);
    expect([await again, lock.acquired]).toEqual([true, true]);
  });

  it('does not delay a shutdown', async () => {
    const lock = await acquired(lockOf(replica));
    replica.clock.standStill(TTL);
    expect(lock.acquired).toBe(false);
    await settle();
    const since = replica.clock.now();
    await replica.locks.close();
    expect(replica.clock.now()).toBe(since);
  });

  it('reports the loss if its release finds another holder', async () => {
    const lock = await acquired(lockOf(replica));
    const told = record(lock, 'lost', 'released');
    await replica.store.steal('a');
    await lock.release();
    expect(told).toEqual(['lost taken']);
  });

  it('takes nothing from the present holder', async () => {
    const lock = await acquired(lockOf(replica));
    replica.clock.standStill(TTL);
    const theirs = await acquired(lockOf(other));
    await lock.release();
    expect(theirs.acquired).toBe(true);
    expect(await lockOf(replica).inspect()).toMatchObject({ fencingToken: theirs.lease?.fencingToken });
  });
});
