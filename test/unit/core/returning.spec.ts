import { jest } from '@jest/globals';
import { LockStoreError } from '../../../lib/common/errors.js';
import type { Lease } from '../../../lib/core/lease.js';
import { useRealTime } from './support/manual-clock.js';
import { COMMAND_TIMEOUT, startReplica, TTL, type Replica } from './support/replica.js';
import { answersAfter, fails, hangs, type Behaviour } from './support/scripted-store.js';

let replica: Replica;

beforeEach(() => {
  replica = startReplica();
});
afterEach(useRealTime);

/** The store has answered, and does not want to. */
const refuses = (text: string, permanent: boolean): Behaviour<never> => {
  const cause = new Error(text);
  const options = { cause, mayHaveRun: false, refused: true, permanent };
  return () => Promise.reject(new LockStoreError('it was refused', options));
};
const outOfMemory = refuses('OOM command not allowed', false);
const notPermitted = refuses('NOPERM this user has no permissions', true);

/** Carries it out at once, but the answer is lost. */
const losesTheReply = async <T>(carryOut: () => Promise<T>): Promise<never> => {
  await carryOut();
  throw new LockStoreError('the connection broke', { mayHaveRun: true });
};

const LONGEST_RETRY = 500;
/** The errors that tell a refusal for good. */
const told = (what: string): unknown[] => [
  expect.stringMatching(
    new RegExp(
      `^The lock "a" cannot be released: NOPERM this user has no permissions\\. ${what}.* Grant the user`,
    ),
  ),
];

const OUTAGE =
  'The lock store (scripted store) is unavailable: OOM command not allowed. Locks cannot be acquired until it is back.';

describe('a release that the store refuses for a while', () => {
  it('is repeated until it is answered, and delays its work by only 250 ms; one line each reports begin and end', async () => {
    replica.store.always('release', outOfMemory);
    const events: string[] = [];
    replica.locks.events.listen(({ type }) => events.push(type));

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(250);
    expect(await running).toEqual({ status: 'ran', value: 1 });
    await replica.clock.pass(TTL / 2);
    replica.store.recover('release');
    expect(await replica.store.holderOf('a')).not.toBeNull();
    await replica.clock.pass(LONGEST_RETRY);

    expect(await replica.store.holderOf('a')).toBeNull();
    expect(events).toEqual(['acquired', 'started', 'finished', 'released']);
    expect(replica.logger.errors).toEqual([OUTAGE]);
    expect(replica.logger.logs).toEqual([expect.stringContaining('is back after')]);
    expect(replica.logger.warnings).toEqual([]);
  });

  it('hands the lock to the next waiter as soon as the store accepts it', async () => {
    const other = startReplica({}, replica);
    replica.store.always('release', outOfMemory);
    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(250);
    await running;
    const waiting = other.locks.run('a', () => 2, { wait: true });
    await replica.clock.pass(3000);
    replica.store.recover('release');
    await replica.clock.pass(LONGEST_RETRY);

    expect(await waiting).toEqual({ status: 'ran', value: 2 });
  });

  it.each([
    ['of a start hook', { occurrence: { key: 'v1' }, wait: true }],
    ['of a tick that is run again', { occurrence: { tick: new Date(0), onHolderDeath: 'rerun' } }],
  ] as const)(
    'keeps the success %s from being forgotten, for however long: the lock is kept',
    async (_of, options) => {
      const other = startReplica({}, replica);
      replica.store.always('release', outOfMemory);
      const work = jest.fn();

      const running = replica.locks.run('a', work, options);
      await replica.clock.pass(250);
      await running;
      const standingBy = other.locks.run('a', work, options);
      await replica.clock.pass(TTL * 5);
      expect(work).toHaveBeenCalledTimes(1);
      replica.store.recover('release');
      await replica.clock.pass(LONGEST_RETRY + 100);

      expect(await standingBy).toMatchObject({ reason: 'done' });
      expect(work).toHaveBeenCalledTimes(1);
      expect(await replica.store.holderOf('a')).toBeNull();
    },
  );

  it.each(['without an occurrence', 'whose work has failed'])(
    'does not keep the lock of a run %s',
    async (which) => {
      replica.store.always('release', outOfMemory);
      const failing = which.includes('failed');
      const work = () => (failing ? Promise.reject(new Error('work')) : 1);

      const running = replica.locks
        .run('a', work, failing ? { occurrence: { key: 'v1' } } : {})
        .catch(() => undefined);
      await replica.clock.pass(TTL);
      await running;

      expect(await replica.store.holderOf('a')).toBeNull();
      expect(replica.store.callsOf('renew')).toEqual([]);
    },
  );

  it('may also be that of an acquisition without a reply', async () => {
    replica.store.next('acquire', losesTheReply);
    replica.store.next('release', outOfMemory, outOfMemory);

    expect(await replica.locks.run('a', () => 1, {})).toMatchObject({ reason: 'store-unavailable' });
    expect(await replica.store.holderOf('a')).not.toBeNull();
    await replica.clock.pass(LONGEST_RETRY);

    expect(await replica.store.holderOf('a')).toBeNull();
  });

  it('may also be that of a waiter that gives up: it does not get the lock when its turn comes', async () => {
    const other = startReplica({}, replica);
    const lease = await other.acquire('a');
    replica.store.next('release', outOfMemory, outOfMemory);
    const waiting = replica.locks.run('a', () => 1, { wait: 1000 });
    const gaveUp = expect(waiting).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    await replica.clock.pass(1000);
    await gaveUp;

    await replica.clock.pass(LONGEST_RETRY);
    await lease.release();

    expect(await replica.store.holderOf('a')).toBeNull();
  });
});

describe('a release that the store refuses permanently', () => {
  it('is reported by one error that says what to do, however many there are, and again after one that succeeded', async () => {
    replica.store.always('release', notPermitted);

    const running = ['a', 'b', 'c'].map((name) => replica.locks.run(name, () => 1, {}));
    await replica.clock.pass(1000);
    await Promise.all(running);
    expect(replica.logger.errors).toEqual(told('It expires by itself'));

    replica.store.recover('release');
    await replica.locks.run('d', () => 1, {});
    replica.store.always('release', notPermitted);
    const again = replica.locks.run('e', () => 1, {});
    await replica.clock.pass(1000);
    await again;
    expect(replica.logger.warnings).toEqual([]);
  });

  it('ends when the lock has expired, if there is nothing to record', async () => {
    replica.store.always('release', notPermitted);

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(TTL * 2);
    await running;
    const asked = replica.store.callsOf('release').length;
    await replica.clock.pass(TTL * 10);

    expect(replica.store.callsOf('release')).toHaveLength(asked);
  });

  it('continues slowly if there is a success to record, and succeeds when the cause is corrected', async () => {
    const other = startReplica({}, replica);
    const occurrence = { key: 'v1' };
    replica.store.always('release', notPermitted);

    const running = replica.locks.run('a', () => 1, { occurrence });
    await replica.clock.pass(TTL * 10);
    await running;
    expect(replica.logger.errors).toEqual(
      told('It is renewed until the success of its work can be recorded'),
    );
    expect(replica.store.callsOf('release').length).toBeLessThan(50);
    expect(await other.locks.run('a', () => 2, { occurrence })).toMatchObject({ reason: 'busy' });
    replica.store.recover('release');
    await replica.clock.pass(5000);

    expect(await other.locks.run('a', () => 2, { occurrence })).toMatchObject({ reason: 'done' });
  });

  it('ends if the lock cannot be renewed either', async () => {
    replica.store.always('release', notPermitted);
    replica.store.always('renew', notPermitted);

    const running = replica.locks.run('a', () => 1, { occurrence: { key: 'v1' } });
    await replica.clock.pass(TTL * 2);
    await running;
    const asked = replica.store.callsOf('release').length;
    await replica.clock.pass(TTL * 10);

    expect(replica.store.callsOf('release')).toHaveLength(asked);
  });
});

describe('a shutdown while releases are refused', () => {
  it('waits for the time of one command, and names each lock once that expires by itself', async () => {
    replica.store.always('release', outOfMemory);
    replica.store.next('acquire', async (carryOut) => ({ ...(await carryOut()), repeated: true }));
    const running = replica.locks.run('a', () => 1, { occurrence: { key: 'v1' } });
    await replica.clock.pass(1000);
    await running;
    // Its late copy is undone, too.
    replica.store.next('acquire', losesTheReply);
    await replica.locks.run('a', () => 1, {});

    const closing = replica.locks.close();
    await replica.clock.pass(COMMAND_TIMEOUT);
    await closing;

    expect(replica.logger.warnings).toEqual([
      'The lock "a" could not be released: the store is closed. It expires by itself.',
    ]);
    const asked = replica.store.calls.length;
    await replica.clock.pass(TTL * 2);
    expect(replica.store.calls).toHaveLength(asked);
  });
});

describe('a release that finds the lock gone', () => {
  it('counts as held if an earlier one, whose reply was lost, may have freed it', async () => {
    replica.store.next('release', losesTheReply);

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(100);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
    expect(replica.store.callsOf('release')).toHaveLength(2);
    expect(replica.logger.warnings).toEqual([]);
  });

  it('counts as held even if a later one certainly did nothing', async () => {
    replica.store.next('release', losesTheReply, fails({ mayHaveRun: false }));

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(200);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
    expect(replica.store.callsOf('release')).toHaveLength(3);
  });

  it('counts as released even if all earlier ones certainly did nothing: the work ran under its lease', async () => {
    const { store } = replica;
    const free = async ({ name }: Lease): Promise<void> => {
      const holder = await store.holderOf(name);
      await store.release({ name, owner: holder!.owner!, ttl: TTL, end: 'unfinished' }, COMMAND_TIMEOUT);
      store.next('release', fails({ mayHaveRun: false }));
    };

    const running = replica.locks.run('a', free, {});
    await replica.clock.pass(100);

    await expect(running).resolves.toEqual({ status: 'ran', value: undefined });
    expect(replica.logger.warnings).toEqual([]);
  });

  it('counts as released if the next holder has the lock after one that may have taken effect', async () => {
    replica.store.next('release', async (carryOut) => {
      await carryOut();
      await replica.store.steal('a');
      throw new LockStoreError('the connection broke', { mayHaveRun: true });
    });

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(100);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
  });

  it('counts as lost if another holder has the lock and the store was asked once', async () => {
    const steal = (): Promise<void> => replica.store.steal('a');

    const outcome = await replica.locks.run('a', steal, {});

    expect(outcome).toMatchObject({ status: 'lost', error: { reason: 'taken' } });
  });

  it('counts as released if another holder has the lock by the time of a late reply', async () => {
    const types: string[] = [];
    replica.locks.events.listen(({ type }) => types.push(type));
    replica.store.always('release', fails({ mayHaveRun: false }));

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(TTL);
    expect(await running).toEqual({ status: 'ran', value: 1 });
    await replica.store.steal('a');
    replica.store.recover('release');
    await replica.clock.pass(LONGEST_RETRY);

    expect(types).toEqual(['acquired', 'started', 'finished', 'released']);
    expect(replica.logger.warnings).toEqual([]);
  });

  it('counts as lost, whatever the store replies, if the lease had expired before', async () => {
    const types: string[] = [];
    replica.locks.events.listen(({ type }) => types.push(type));
    const work = () => replica.clock.standStill(TTL);

    expect(await replica.locks.run('a', work, {})).toMatchObject({
      status: 'lost',
      error: { reason: 'expired' },
    });
    expect(types).toEqual(['acquired', 'started', 'lost', 'finished']);
    expect(replica.logger.warnings).toHaveLength(1);
  });

  it('is reported only when the store has answered', async () => {
    const types: string[] = [];
    replica.locks.events.listen(({ type }) => types.push(type));
    replica.store.always('release', hangs);

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(COMMAND_TIMEOUT);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
    expect(types).toEqual(['acquired', 'started', 'finished']);
  });
});

describe('a request whose copy may still arrive', () => {
  it('is released as void if the lock was busy: the copy would acquire it for nobody', async () => {
    const other = startReplica({}, replica);
    await other.acquire('a');
    replica.store.next('acquire', async (carryOut) => ({ ...(await carryOut()), unsettled: true }));

    const outcome = await replica.locks.run('a', () => 1, {});

    expect(outcome).toMatchObject({ status: 'skipped', reason: 'busy' });
    expect(outcome).not.toHaveProperty('unsettled');
    const [withdrawn] = replica.store.withdrawals;
    expect(withdrawn?.owners).toEqual(replica.store.callsOf('acquire').at(-1)?.owners);
  });
});

describe('a release that is answered late', () => {
  it('is reported then, and records the completion', async () => {
    const types: string[] = [];
    replica.locks.events.listen(({ type }) => types.push(type));
    replica.store.next('release', fails({ mayHaveRun: false }), answersAfter(1000));
    const occurrence = { key: 'v1' };

    const running = replica.locks.run('a', () => 1, { occurrence });
    await replica.clock.pass(2000);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
    expect(types).toEqual(['acquired', 'started', 'finished', 'released']);
    const again = await replica.locks.run('a', () => 2, { occurrence });
    expect(again).toEqual({ status: 'skipped', reason: 'done' });
  });
});
