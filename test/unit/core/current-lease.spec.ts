import { currentLease } from '../../../lib/core/current-lease.js';
import type { Lease } from '../../../lib/core/lease.js';
import { settle, useRealTime } from './support/manual-clock.js';
import { OpenWork, RENEW_EVERY, startReplica, TTL, type Replica } from './support/replica.js';

let replica: Replica;

beforeEach(() => {
  replica = startReplica();
});
afterEach(useRealTime);

describe('the current lease', () => {
  it('is visible deep inside the work, and gone outside', async () => {
    const outcome = await replica.locks.run('a', async (lease) => (await currentLeaseLater()) === lease, {});

    expect(outcome).toEqual({ status: 'ran', value: true });
    expect(currentLease()).toBeUndefined();
  });

  it('is the innermost one where locks are nested, and the outer one again after it', async () => {
    const seen: (string | undefined)[] = [];
    const note = () => seen.push(currentLease()?.name);

    await replica.locks.run(
      'outer',
      async () => {
        note();
        await replica.locks.run('inner', note, {});
        note();
      },
      {},
    );

    expect(seen).toEqual(['outer', 'inner', 'outer']);
  });

  it('is none when the work has released it by hand', async () => {
    const outcome = await replica.locks.run('a', async (lease) => lease.release().then(currentLease), {});

    expect(outcome).toEqual({ status: 'ran', value: undefined });
  });

  it('is one that is lost too, as long as its work goes on: a check of it has to throw', async () => {
    const work = (lease: Lease) => {
      replica.clock.standStill(TTL);
      return currentLease() === lease && !lease.held;
    };

    expect(await replica.locks.run('a', work, {})).toMatchObject({ status: 'lost', value: true });
  });

  it('is not seen by what runs beside the work', async () => {
    const work = new OpenWork();
    const running = replica.locks.run('a', () => work.done, {});
    await settle();

    expect(currentLease()).toBeUndefined();
    work.finish();
    await running;
  });
});

describe('a run inside a run of the same lock', () => {
  it('joins its lease, and does not release it early', async () => {
    const held: boolean[] = [];

    const outcome = await replica.locks.run(
      'a',
      async (outer) => {
        const inner = await replica.locks.run('a', async (lease) => lease === outer, {});
        held.push(outer.held, (await replica.store.holderOf('a')) !== null);
        return inner;
      },
      {},
    );

    expect(outcome).toEqual({ status: 'ran', value: { status: 'ran', value: true } });
    expect(held).toEqual([true, true]);
    expect(replica.store.callsOf('acquire')).toHaveLength(1);
    expect(replica.store.callsOf('release')).toHaveLength(1);
  });

  it('joins through a run of another lock between the two', async () => {
    const nested = () => replica.locks.run('a', () => 'joined', {});

    const outcome = await replica.locks.run('a', () => replica.locks.run('b', nested, {}), {});

    expect(outcome).toMatchObject({ value: { value: { status: 'ran', value: 'joined' } } });
  });

  it('passes on the error of the inner work', async () => {
    const error = new Error('inner');
    const inner = () => replica.locks.run('a', () => Promise.reject(error), {});

    await expect(replica.locks.run('a', inner, {})).rejects.toBe(error);
    expect(replica.store.callsOf('release')).toHaveLength(1);
  });

  it('is lost when the lease is lost meanwhile', async () => {
    const inner = async () => {
      await replica.store.steal('a');
      await replica.clock.pass(RENEW_EVERY);
      return 1;
    };

    const outcome = await replica.locks.run('a', () => replica.locks.run('a', inner, {}), {});

    expect(outcome).toMatchObject({
      status: 'lost',
      value: { status: 'lost', value: 1, error: { reason: 'taken' } },
    });
  });

  it('asks for a lock of its own once the lease is lost', async () => {
    const nested = async () => {
      replica.clock.standStill(TTL);
      return replica.locks.run('a', (lease) => lease.held, {});
    };

    const outcome = await replica.locks.run('a', nested, {});

    expect(outcome).toMatchObject({ status: 'lost', value: { status: 'ran', value: true } });
    expect(replica.store.callsOf('acquire')).toHaveLength(2);
  });

  it('does not join what was left to run after the outer one had ended', async () => {
    const ended = new OpenWork();
    let straggler: Promise<unknown> | undefined;

    await replica.locks.run(
      'a',
      () => {
        straggler = ended.done.then(() => replica.locks.run('a', (lease) => lease.held, {}));
      },
      {},
    );
    ended.finish();

    await expect(straggler).resolves.toEqual({ status: 'ran', value: true });
    expect(replica.store.callsOf('acquire')).toHaveLength(2);
  });

  it('does not join that of another lock manager which uses the same name', async () => {
    const other = startReplica({}, replica);

    const outcome = await replica.locks.run('a', () => other.locks.run('a', () => 1, {}), {});

    expect(outcome).toMatchObject({ value: { status: 'skipped', reason: 'busy' } });
  });
});

async function currentLeaseLater(): Promise<Lease | undefined> {
  await settle();
  return new Promise((resolve) => setImmediate(() => resolve(currentLease())));
}
