import { getEventListeners } from 'node:events';
import { jest } from '@jest/globals';
import { LockConfigurationError } from '../../../lib/common/errors.js';
import { currentLease } from '../../../lib/core/current-lease.js';
import { Election } from '../../../lib/core/election.js';
import type { Lease } from '../../../lib/core/lease.js';
import type { LeadershipEvent } from '../../../lib/core/lock-events.js';
import { settle, timersLeft, useRealTime } from './support/manual-clock.js';
import { DRAIN_TIMEOUT, OpenWork, RENEW_EVERY, startReplica, TTL, type Replica } from './support/replica.js';
import { fails, hangs } from './support/scripted-store.js';

/** A replica that takes part in the election "feed". */
interface Candidate {
  readonly replica: Replica;
  readonly election: Election;
  /** The lease of each term, in order. */
  readonly terms: Lease[];
  /** Resolves when the campaign is over. */
  readonly over: Promise<void>;
  readonly changes: string[];
}

let replica: Replica;
let other: Replica;

beforeEach(() => {
  replica = startReplica();
  other = startReplica({}, replica);
});
afterEach(useRealTime);

const times = { ttl: TTL, renewEvery: RENEW_EVERY };
const parts = ({ locks, logger } = replica) => ({ locks, times, logger });
const electionOf = (of: Replica): Election => new Election('feed', {}, parts(of));

/** Ends when it is told to, as a leader's work should. */
const obedient = ({ signal }: Lease): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()));

function stand(of: Replica, work: (lease: Lease) => unknown = obedient, signal?: AbortSignal): Candidate {
  const election = electionOf(of);
  const terms: Lease[] = [];
  const changes: string[] = [];
  election.onChange((change) => changes.push(show(change)));
  const over = election.whileLeader(
    (lease) => {
      terms.push(lease);
      return work(lease);
    },
    { signal },
  );
  return { replica: of, election, terms, over, changes };
}

const show = (change: LeadershipEvent): string =>
  change.type === 'termBegan' ? 'began' : `ended: ${change.reason}`;

/** How many terms had begun at each of those moments. */
const termsAt = async (candidate: Candidate, ...moments: number[]): Promise<number[]> => {
  const counts: number[] = [];
  for (const [i, moment] of moments.entries()) {
    await candidate.replica.clock.pass(moment - (moments[i - 1] ?? 0));
    counts.push(candidate.terms.length);
  }
  return counts;
};

describe('an election', () => {
  it('has one leader, until it steps down: then the first in the queue leads at once', async () => {
    const first = stand(replica);
    await settle();
    const second = stand(other);
    await replica.clock.pass(10 * TTL);
    expect([first.election.isLeader, second.election.isLeader]).toEqual([true, false]);
    expect([first.terms.length, second.terms.length]).toEqual([1, 0]);
    await expect(second.election.leader()).resolves.toMatchObject({ replica: 'replica-1' });
    const before = replica.clock.now();

    first.election.stepDown();
    await settle();

    expect(replica.clock.now()).toBe(before);
    expect([first.election.isLeader, second.election.isLeader]).toEqual([false, true]);
    expect(second.terms[0].fencingToken).toBeGreaterThan(first.terms[0].fencingToken);
    expect(first.changes).toEqual(['began', 'ended: stepped-down']);
  });

  it('has no leader before a replica stands', async () => {
    const election = electionOf(replica);

    await expect(election.leader()).resolves.toBeNull();
    expect(election.isLeader).toBe(false);
    expect(() => election.stepDown()).not.toThrow();
  });

  it('is the same for all objects of its name in a replica', async () => {
    const { terms } = stand(replica);
    const observer = electionOf(replica);
    const changes: string[] = [];
    const stop = observer.onChange((change) => changes.push(show(change)));
    await settle();
    expect(observer.isLeader).toBe(true);

    observer.stepDown();
    stop();
    await replica.clock.pass(1000);

    expect(changes).toEqual(['began', 'ended: stepped-down']);
    expect(terms).toHaveLength(2);
  });

  it.each([
    [
      'the options',
      () => new Election('feed', { maxHold: 1000 } as object, parts()),
      /maxHold is not an option/,
    ],
    ['the ttl', () => new Election('feed', { ttl: 5 }, parts()), /ttl must be/],
    ['the contents', () => new Election('feed', { contents: () => 1 }, parts()), /contents must be/],
    ['the name', () => new Election(' ', {}, parts()), /must not be empty/],
    ['a listener', () => electionOf(replica).onChange(1 as never), /listener must be a function/],
  ])('refuses %s if they are wrong', (_, make, message) => {
    expect(make).toThrow(LockConfigurationError);
    expect(make).toThrow(message);
  });

  it.each([
    ['work that is no function', [undefined], /work must be a function/],
    ['a signal that is none', [obedient, { signal: 'no' }], /signal must be an AbortSignal/],
    ['an option that nobody reads', [obedient, { wait: 1 }], /wait is not an option of whileLeader/],
    ['options that are none', [obedient, null], /must be an object/],
  ])('refuses %s', async (_, args, message) => {
    const call = electionOf(replica).whileLeader(...(args as [never, never]));
    await expect(call).rejects.toThrow(message);
    await expect(call).rejects.toBeInstanceOf(LockConfigurationError);
  });

  it('refuses work that holds its lock, because it would wait for itself', async () => {
    const outcome = replica.locks.run('feed', () => electionOf(replica).whileLeader(obedient), {});
    await expect(outcome).rejects.toThrow('would wait for that work to end');
  });

  it('starts no work if a listener has stepped down before', async () => {
    const election = electionOf(replica);
    const work = jest.fn();
    election.onChange(({ type }) => type === 'termBegan' && election.stepDown());
    void election.whileLeader(work);
    await settle();

    expect(work).not.toHaveBeenCalled();
    await expect(replica.store.holderOf('feed')).resolves.toBeNull();
  });

  it('continues if a listener throws', async () => {
    const { election } = stand(replica);
    election.onChange(() => Promise.reject(new Error('no such gauge')));
    election.onChange(() => {
      throw new Error('no such counter');
    });
    await settle();

    expect(election.isLeader).toBe(true);
    expect(replica.logger.errors).toEqual([
      expect.stringContaining('no such counter'),
      expect.stringContaining('no such gauge'),
    ]);
  });
});

describe('a leader that is asked to step down', () => {
  it('keeps the lock until its work has returned', async () => {
    const work = new OpenWork();
    const first = stand(replica, () => work.done);
    await settle();
    const second = stand(other);
    first.election.stepDown();
    await replica.clock.pass(3 * TTL);

    expect(first.terms[0].signal.aborted).toBe(true);
    expect(first.terms[0].held).toBe(true);
    expect(first.election.isLeader).toBe(false);
    expect(second.terms).toEqual([]);

    work.finish();
    await settle();
    expect(second.election.isLeader).toBe(true);
  });

  it('gets an AbortError, which is not a failure if the work throws it', async () => {
    const { election, terms } = stand(replica, async ({ signal }) => {
      await obedient({ signal } as Lease);
      signal.throwIfAborted();
    });
    await settle();

    election.stepDown();
    await settle();

    expect(terms[0].signal.reason).toMatchObject({ name: 'AbortError' });
    expect([...replica.logger.warnings, ...replica.logger.errors]).toEqual([]);
  });

  it('may fail while it ends, which is logged', async () => {
    const { election } = stand(replica, async (lease) => {
      await obedient(lease);
      throw new Error('the offset was not stored');
    });
    await settle();

    election.stepDown();
    await settle();

    expect(replica.logger.warnings).toEqual([expect.stringContaining('the offset was not stored')]);
  });

  it('can step down by releasing its lease, which does not wait', async () => {
    let released = false;
    const first = stand(replica, async (lease) => {
      await lease.release();
      released = true;
      expect(lease.held).toBe(true);
    });
    await settle();

    expect(released).toBe(true);
    expect(first.changes).toEqual(['began', 'ended: stepped-down']);
    await expect(replica.store.holderOf('feed')).resolves.toBeNull();
  });

  it.each<[string, () => unknown]>([
    ['current()', () => currentLease()?.release()],
    ['a run that joins it', () => replica.locks.run('feed', (lease) => lease.release(), {})],
  ])(
    'steps down by a release that comes by %s, and the next leads when its work has returned',
    async (_, release) => {
      const work = new OpenWork();
      const first = stand(replica, async () => {
        await release();
        await work.done;
      });
      await settle();
      const second = stand(other);
      await replica.clock.pass(TTL);

      expect(first.changes).toEqual(['began', 'ended: stepped-down']);
      expect(first.terms[0].signal.aborted).toBe(true);
      expect(second.terms).toEqual([]);

      work.finish();
      await settle();
      expect(second.election.isLeader).toBe(true);
    },
  );
});

describe('a campaign', () => {
  it('ends with its signal when the work has ended, and hands over', async () => {
    const over = new AbortController();
    const first = stand(replica, obedient, over.signal);
    await settle();
    const second = stand(other);
    await settle();

    over.abort(new Error('scaled down'));

    await expect(first.over).resolves.toBeUndefined();
    expect(first.changes).toEqual(['began', 'ended: aborted']);
    expect(first.terms[0].signal.reason).toBe(over.signal.reason);
    expect(second.election.isLeader).toBe(true);
    expect(getEventListeners(over.signal, 'abort')).toEqual([]);
  });

  it('ends with its signal while it is in the queue, and leaves the queue', async () => {
    stand(other);
    await settle();
    const over = new AbortController();
    const second = stand(replica, obedient, over.signal);
    await settle();

    over.abort();

    await expect(second.over).resolves.toBeUndefined();
    expect(second.terms).toEqual([]);
  });

  it('does not begin after its signal has aborted', async () => {
    const { over, terms } = stand(replica, obedient, AbortSignal.abort());

    await expect(over).resolves.toBeUndefined();
    expect(terms).toEqual([]);
  });

  it('continues after a loss of the lease, in the queue behind the new leader', async () => {
    const first = stand(replica);
    await settle();
    await replica.store.steal('feed');

    await replica.clock.pass(RENEW_EVERY + 100);
    expect(first.changes).toEqual(['began', 'ended: lost']);
    expect(first.election.isLeader).toBe(false);
    expect(first.terms[0].signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'taken' });

    await replica.clock.pass(60_000);
    expect(first.election.isLeader).toBe(true);
    expect(first.terms[1].fencingToken).toBeGreaterThan(first.terms[0].fencingToken);
  });

  it('awaits work whose lease was lost before it stands again', async () => {
    const work = new OpenWork();
    const first = stand(replica, () => work.done);
    await settle();
    await replica.store.steal('feed');
    await replica.clock.pass(70_000);
    expect(first.terms).toHaveLength(1);

    work.finish();
    await settle();

    expect(first.terms).toHaveLength(2);
  });

  it('notices after a pause that it does not lead, before anything else happens', async () => {
    const first = stand(replica);
    await settle();
    replica.clock.standStill(TTL);

    expect(first.election.isLeader).toBe(false);
    expect(first.changes).toEqual(['began', 'ended: lost']);
    expect(first.terms[0].signal.aborted).toBe(true);
    await settle();
  });

  it('begins when the store is back, without log lines', async () => {
    replica.store.always('acquire', fails({ mayHaveRun: false }));
    const { election } = stand(replica);
    await replica.clock.pass(60_000);
    expect(replica.logger.errors).toHaveLength(1); // the outage
    expect(replica.logger.warnings).toEqual([]);

    replica.store.recover('acquire');
    await replica.clock.pass(250);

    expect(election.isLeader).toBe(true);
  });

  it('ends the term in time while the store is away', async () => {
    const { terms, changes } = stand(replica);
    await settle();
    replica.store.always('renew', hangs);
    await replica.clock.pass(TTL - 501);
    expect(terms[0].signal.aborted).toBe(false);

    await replica.clock.pass(2);

    expect(changes).toEqual(['began', 'ended: lost', 'began']);
    expect(terms[0].signal.reason).toMatchObject({ reason: 'store-unavailable' });
  });
});

describe('work that ends by itself', () => {
  it('begins again after a pause that doubles up to 30 s, and others lead meanwhile', async () => {
    const first = stand(replica, () => Promise.reject(new Error('no broker')));
    await settle();

    expect(await termsAt(first, 249, 250, 749, 750, 1749, 1750)).toEqual([1, 2, 2, 3, 3, 4]);
    await replica.clock.pass(300_000);
    const count = first.terms.length;
    await replica.clock.pass(300_000);
    expect(first.terms.length - count).toBe(10);
    await expect(replica.store.holderOf('feed')).resolves.toBeNull();
  });

  it('lets another replica lead at once', async () => {
    const work = new OpenWork();
    stand(replica, () => work.done);
    await settle();
    const second = stand(other);
    await settle();

    work.fail(new Error('no broker'));
    await settle();

    expect(second.election.isLeader).toBe(true);
  });

  it('is logged once for each kind of failure, with its stack', async () => {
    let count = 0;
    stand(replica, () => {
      count++;
      if (count % 2 === 0) throw Object.assign(new Error(`no broker at ${count}`), { code: 'ECONNREFUSED' });
      throw new TypeError(`round ${count}`);
    });
    await replica.clock.pass(10_000);

    expect(count).toBeGreaterThan(4);
    expect(replica.logger.errors).toEqual([
      expect.stringMatching(/round 1[^]*election\.spec/),
      expect.stringContaining('no broker at 2'),
    ]);
  });

  it('may throw a value that cannot be read: that is logged, and the work begins again', async () => {
    const unreadable = {
      get message(): string {
        throw new Error('no message');
      },
    };
    let terms = 0;
    void electionOf(replica).whileLeader(() => {
      terms++;
      return Promise.reject(unreadable);
    });
    await replica.clock.pass(1000);

    expect(terms).toBeGreaterThan(1);
    expect(replica.logger.errors).toEqual([expect.stringContaining('a value that cannot be read')]);
  });

  it('is logged again, and begins again soon, if it ran for a while in between', async () => {
    let works = false;
    const first = stand(replica, async () => {
      if (works) await new Promise((resolve) => setTimeout(resolve, 30_000));
      throw new Error('no broker');
    });
    await replica.clock.pass(10_000);
    works = true;
    await replica.clock.pass(60_000);
    const { length } = first.terms;
    expect(replica.logger.errors).toHaveLength(2);

    await replica.clock.pass(30_250);
    expect(first.terms).toHaveLength(length + 1);
  });

  it('is not a failure if it returns; an early return is warned of once', async () => {
    const first = stand(replica, () => undefined);
    await replica.clock.pass(10_000);

    expect(first.changes.slice(0, 3)).toEqual(['began', 'ended: returned', 'began']);
    expect(replica.logger.errors).toEqual([]);
    expect(replica.logger.warnings).toEqual([expect.stringContaining('returned after 0 ms')]);
  });

  it('has its signal aborted, for code that it has left running', async () => {
    const { terms } = stand(replica, () => undefined);
    await settle();

    expect(terms[0].signal.aborted).toBe(true);
  });
});

describe('a leader whose application shuts down', () => {
  it('ends at once, hands over when its work has returned, and stands no more', async () => {
    const work = new OpenWork();
    const first = stand(replica, () => work.done);
    await settle();
    const second = stand(other);
    await settle();
    const draining = replica.locks.drainScheduled();

    expect(first.terms[0].signal.reason).toMatchObject({ code: 'LOCK_SHUTTING_DOWN' });
    expect(first.changes).toEqual(['began', 'ended: shutting-down']);
    await replica.clock.pass(1000);
    expect(second.terms).toEqual([]);
    const before = replica.clock.now();

    work.finish();
    await draining;
    await first.over;

    expect(replica.clock.now()).toBe(before);
    expect(second.election.isLeader).toBe(true);
    await replica.clock.pass(2 * TTL);
    expect(first.terms).toHaveLength(1);
  });

  it('is waited for up to drainTimeout and one more second', async () => {
    stand(replica, () => new Promise(() => {}));
    await settle();
    let drained = false;
    void replica.locks.drainScheduled().then(() => (drained = true));

    await replica.clock.pass(DRAIN_TIMEOUT + 999);
    expect(drained).toBe(false);
    await replica.clock.pass(1);
    expect(drained).toBe(true);
  });

  it('ends its pause, leaves the queue, and leaves no timer behind', async () => {
    const failing = stand(replica, () => Promise.reject(new Error('no broker')));
    const waiting = stand(replica);
    await settle();

    await replica.locks.close();

    await failing.over;
    await waiting.over;
    expect(await timersLeft()).toBe(0);
  });

  it('does not begin a term that is granted after that', async () => {
    const first = stand(other);
    await settle();
    const second = stand(replica);
    await settle();
    const work = jest.fn();
    first.election.onChange(work);
    void replica.locks.drainScheduled();
    first.election.stepDown();

    await second.over;
    expect(second.terms).toEqual([]);
    expect(work).toHaveBeenCalledTimes(1);
  });
});
