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
  it('is visible at any depth of the work, and undefined outside', async () => {
    const outcome = await replica.locks.run('a', async (lease) => (await currentLeaseLater()) === lease, {});

    expect(outcome).toEqual({ status: 'ran', value: true });
    expect(currentLease()).toBeUndefined();
  });

  it('is the innermost lease if locks are nested, and the outer one again afterwards', async () => {
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

  it('is undefined when the work has released it by hand', async () => {
    const outcome = await replica.locks.run('a', async (lease) => lease.release().then(currentLease), {});

    expect(outcome).toEqual({ status: 'ran', value: undefined });
  });

  it('is also a lost lease while its work continues, so that its check throws', async () => {
    const work = (lease: Lease) => {
      replica.clock.standStill(TTL);
      return currentLease() === lease && !lease.held;
    };

    expect(await replica.locks.run('a', work, {})).toMatchObject({ status: 'lost', value: true });
  });

  it('is not seen by code that runs beside the work', async () => {
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

  it('joins through a run of another lock in between', async () => {
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

  it('is lost if the lease is lost meanwhile', async () => {
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

  it('requests a lock of its own once the lease is lost', async () => {
    const nested = async () => {
      replica.clock.standStill(TTL);
      return replica.locks.run('a', (lease) => lease.held, {});
    };

    const outcome = await replica.locks.run('a', nested, {});

    expect(outcome).toMatchObject({ status: 'lost', value: { status: 'ran', value: true } });
    expect(replica.store.callsOf('acquire')).toHaveLength(2);
  });

  it('does not join the lease after the outer run has ended', async () => {
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

  it('does not join the lease of another lock manager that uses the same name', async () => {
    const other = startReplica({}, replica);

    const outcome = await replica.locks.run('a', () => other.locks.run('a', () => 1, {}), {});

    expect(outcome).toMatchObject({ value: { status: 'skipped', reason: 'busy' } });
  });
});

async function currentLeaseLater(): Promise<Lease | undefined> {
  await settle();
  return new Promise((resolve) => setImmediate(() => resolve(currentLease())));
}
