import { jest } from '@jest/globals';
import type { RunOptions } from '../../../lib/core/run-options.js';
import { settle, useRealTime } from './support/manual-clock.js';
import { OpenWork, startReplica, TTL, type Replica } from './support/replica.js';

let replica: Replica;
let other: Replica;

beforeEach(() => {
  replica = startReplica();
  other = startReplica({}, replica);
});
afterEach(useRealTime);

const BUSY = { status: 'skipped', reason: 'busy' };

describe('work that has joined a lease and outlasts the work that acquired it', () => {
  it('keeps the lock renewed until it has settled; then the outer call rejects', async () => {
    const error = new Error('outer');
    const work = new OpenWork<string>();
    let joined: Promise<unknown> | undefined;
    const running = replica.locks.run(
      'a',
      () => {
        joined = replica.locks.run('a', () => work.done, {});
        return Promise.reject(error);
      },
      {},
    );
    const settled = jest.fn();
    running.then(settled, settled);

    await replica.clock.pass(TTL * 3);
    expect(await other.locks.run('a', () => 1, {})).toMatchObject(BUSY);
    expect(settled).not.toHaveBeenCalled();
    expect(replica.store.callsOf('release')).toEqual([]);

    work.finish('inner');
    await expect(running).rejects.toBe(error);
    await expect(joined).resolves.toEqual({ status: 'ran', value: 'inner' });
    expect(await other.locks.run('a', () => 1, {})).toEqual({ status: 'ran', value: 1 });
  });

  it('keeps the lock even if the outer work has succeeded, and its own failure reaches only its caller', async () => {
    const error = new Error('inner');
    const work = new OpenWork();
    let joined: Promise<unknown> | undefined;
    const running = replica.locks.run(
      'a',
      () => {
        joined = replica.locks.run('a', () => work.done, {});
        joined.catch(() => undefined);
        return 'outer';
      },
      {},
    );
    await settle();
    expect(await other.locks.run('a', () => 1, {})).toMatchObject(BUSY);

    work.fail(error);
    await expect(running).resolves.toEqual({ status: 'ran', value: 'outer' });
    await expect(joined).rejects.toBe(error);
    await expect(replica.store.holderOf('a')).resolves.toBeNull();
  });

  it('keeps the lock until all joined work has settled, even if some joins while the rest is waited for', async () => {
    const [first, second, late] = [new OpenWork(), new OpenWork(), new OpenWork()];
    const running = replica.locks.run(
      'a',
      () => {
        void replica.locks.run(
          'a',
          () => first.done.then(() => replica.locks.run('a', () => late.done, {})),
          {},
        );
        void replica.locks.run('a', () => second.done, {});
      },
      {},
    );

    for (const work of [first, second, late]) {
      await settle();
      expect(await other.locks.run('a', () => 1, {})).toMatchObject(BUSY);
      work.finish();
    }
    await expect(running).resolves.toMatchObject({ status: 'ran' });
    expect(await other.locks.run('a', () => 1, {})).toMatchObject({ status: 'ran' });
  });
});

describe('a run that joins a lease', () => {
  it.each<[what: string, options: object, told: RegExp]>([
    ['an occurrence', { occurrence: { tick: new Date() } }, /occurrence cannot be claimed.*"a"/],
    ['an unknown option', { lease: 5 }, /lease is not an option of run.*Known options/],
    ['a ttl that is too short', { ttl: 1 }, /ttl = 1\b/],
    ['a ttl with a fraction', { ttl: 1000.5 }, /whole number.*ttl = 1000\.5/],
    ['renewals that are too rare', { ttl: 1000, renewEvery: 900 }, /renewEvery = 900/],
  ])('is refused %s, and its work does not run', async (_what, options, told) => {
    const work = jest.fn();
    const nested = async () => replica.locks.run('a', work, options as RunOptions).catch((e: unknown) => e);

    const outcome = await replica.locks.run('a', nested, {});

    expect(outcome).toMatchObject({
      status: 'ran',
      value: { code: 'LOCK_CONFIGURATION', message: expect.stringMatching(told) },
    });
    expect(work).not.toHaveBeenCalled();
    await expect(replica.store.holderOf('a')).resolves.toBeNull();
  });
});
