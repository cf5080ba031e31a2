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
const refuses: Behaviour<never> = () => {
  const cause = new Error('NOPERM this user has no permissions');
  return Promise.reject(new LockStoreError('it was refused', { cause, mayHaveRun: false, refused: true }));
};

/** Carries it out at once, but the answer is lost. */
const losesTheReply = async <T>(carryOut: () => Promise<T>): Promise<never> => {
  await carryOut();
  throw new LockStoreError('the connection broke', { mayHaveRun: true });
};

const NOT_GIVEN_BACK =
  'The lock "a" could not be given back: NOPERM this user has no permissions. It expires by itself.';

describe('a release that the store refuses', () => {
  it('is tried once only, and leaves one warning that names the lock and the reason', async () => {
    replica.store.always('release', refuses);

    const outcome = await replica.locks.run('a', () => 1, {});
    await replica.clock.pass(TTL * 2);
    await replica.locks.close();

    expect(outcome).toEqual({ status: 'ran', value: 1 });
    expect(replica.store.callsOf('release')).toHaveLength(1);
    expect(replica.logger.warnings).toEqual([NOT_GIVEN_BACK]);
    expect(replica.logger.errors).toEqual([]);
  });

  it('is not tried again either where it first could not be reached', async () => {
    replica.store.next('release', fails({ mayHaveRun: false }), refuses);

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(TTL * 2);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
    expect(replica.store.callsOf('release')).toHaveLength(2);
    expect(replica.logger.warnings).toEqual([NOT_GIVEN_BACK]);
  });

  it('is that of an acquisition without an answer too', async () => {
    replica.store.next('acquire', losesTheReply);
    replica.store.always('release', refuses);

    const outcome = await replica.locks.run('a', () => 1, {});
    await replica.clock.pass(TTL * 2);

    expect(outcome).toMatchObject({ status: 'skipped', reason: 'store-unavailable' });
    expect(replica.store.callsOf('release')).toHaveLength(1);
    expect(replica.logger.warnings).toEqual([NOT_GIVEN_BACK]);
  });
});

describe('a release that finds the lock gone', () => {
  it('counts as held when an earlier one, whose reply was lost, may have freed it', async () => {
    replica.store.next('release', losesTheReply);

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(100);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
    expect(replica.store.callsOf('release')).toHaveLength(2);
    expect(replica.logger.warnings).toEqual([]);
  });

  it('counts as held also when a later one certainly did nothing', async () => {
    replica.store.next('release', losesTheReply, fails({ mayHaveRun: false }));

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(200);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
    expect(replica.store.callsOf('release')).toHaveLength(3);
  });

  it('counts as lost when all earlier ones certainly did nothing', async () => {
    const { store } = replica;
    const free = async ({ name }: Lease): Promise<void> => {
      const holder = await store.holderOf(name);
      await store.release({ name, record: holder!.record }, COMMAND_TIMEOUT);
      store.next('release', fails({ mayHaveRun: false }));
    };

    const running = replica.locks.run('a', free, {});
    await replica.clock.pass(100);

    await expect(running).resolves.toMatchObject({ status: 'lost', error: { reason: 'vanished' } });
  });

  it('counts as given back when the next has it already after one that may have been carried out', async () => {
    replica.store.next('release', async (carryOut) => {
      await carryOut();
      await replica.store.steal('a');
      throw new LockStoreError('the connection broke', { mayHaveRun: true });
    });

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(100);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
  });

  it('counts as lost when another has it and the store was asked once', async () => {
    const steal = (): Promise<void> => replica.store.steal('a');

    const outcome = await replica.locks.run('a', steal, {});

    expect(outcome).toMatchObject({ status: 'lost', error: { reason: 'taken' } });
  });

  it('tells of a release only when the store has answered', async () => {
    const types: string[] = [];
    replica.locks.events.listen(({ type }) => types.push(type));
    replica.store.always('release', hangs);

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(COMMAND_TIMEOUT);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
    expect(types).toEqual(['acquired']);
  });
});

describe('a question that was sent more than once', () => {
  it('is undone also where the lock was busy: its other copy would have the lock for nobody', async () => {
    const other = startReplica({}, replica);
    await other.acquire('a');
    replica.store.next('acquire', async (carryOut) => ({ ...(await carryOut()), repeated: true }));

    const outcome = await replica.locks.run('a', () => 1, {});

    expect(outcome).toMatchObject({ status: 'skipped', reason: 'busy' });
    expect(outcome).not.toHaveProperty('spent');
    const [undone] = replica.store.callsOf('release');
    expect(undone?.records).toEqual(replica.store.callsOf('acquire').at(-1)?.records);
  });
});

describe('a release that is answered late', () => {
  it('is told of then, and what it completed is recorded before its acquisition is undone', async () => {
    const types: string[] = [];
    replica.locks.events.listen(({ type }) => types.push(type));
    replica.store.next('acquire', async (carryOut) => ({ ...(await carryOut()), repeated: true }));
    replica.store.next('release', fails({ mayHaveRun: false }), answersAfter(1000));
    const occurrence = { key: 'v1' };

    const running = replica.locks.run('a', () => 1, { occurrence });
    await replica.clock.pass(2000);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
    expect(types).toEqual(['acquired', 'released']);
    const again = await replica.locks.run('a', () => 2, { occurrence });
    expect(again).toEqual({ status: 'skipped', reason: 'done' });
  });
});

describe('a grant whose question was sent more than once', () => {
  it('is undone when it is given back: another copy of the question may arrive later', async () => {
    replica.store.next('acquire', async (carryOut) => ({ ...(await carryOut()), repeated: true }));

    await replica.locks.run('a', () => 1, {});
    await replica.locks.run('b', () => 1, {});

    const names = replica.store.callsOf('release').map(({ names: [name] }) => name);
    expect(names).toEqual(['a', 'a', 'b']); // an undo is recorded as a release
  });
});
