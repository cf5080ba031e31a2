import { jest } from '@jest/globals';
import { LockStoreError } from '../../../lib/common/errors.js';
import { settle, useRealTime } from './support/manual-clock.js';
import { COMMAND_TIMEOUT, startReplica, TTL, type Replica } from './support/replica.js';
import { answersAfter, fails, hangs, timesOut } from './support/scripted-store.js';

let replica: Replica;

beforeEach(() => {
  replica = startReplica();
});
afterEach(useRealTime);

const unavailable = { status: 'skipped', reason: 'store-unavailable', error: expect.any(LockStoreError) };

describe('a store that cannot be reached', () => {
  it('makes run skip with the error, without running the work', async () => {
    replica.store.next('acquire', fails({ mayHaveRun: false }));
    const work = jest.fn();

    const outcome = await replica.locks.run('a', work, {});

    expect(outcome).toEqual(unavailable);
    expect(outcome).toMatchObject({ error: { message: 'it is broken' } });
    expect(work).not.toHaveBeenCalled();
  });

  it('is logged once when the outage begins and once when it ends, however many runs fail', async () => {
    replica.store.always('acquire', fails({ mayHaveRun: false }));
    for (let i = 0; i < 5; i++) await replica.locks.run('a', () => 1, {});
    replica.store.recover('acquire');
    for (let i = 0; i < 5; i++) await replica.locks.run('a', () => 1, {});

    expect(replica.logger.errors).toHaveLength(1);
    expect(replica.logger.logs).toHaveLength(1);
  });

  it('may throw anything: the caller gets a LockStoreError with that as its cause', async () => {
    const thrown = new TypeError('a bug of the store');
    replica.store.next('acquire', () => Promise.reject(thrown));

    const outcome = await replica.locks.run('a', () => 1, {});

    expect(outcome).toEqual(unavailable);
    expect(outcome).toMatchObject({ error: { cause: thrown, mayHaveRun: true } });
    expect(replica.store.callsOf('release')).toHaveLength(1);
  });

  it('makes inspect reject with a LockStoreError', async () => {
    replica.store.next('inspect', fails({ mayHaveRun: false }));

    await expect(replica.locks.inspect('a')).rejects.toThrow(LockStoreError);
  });
});

describe('an acquisition that was never answered', () => {
  it('is released as void if it may have taken effect', async () => {
    replica.store.next('acquire', timesOut);

    const running = replica.locks.run('a', () => 1, {});
    await replica.clock.pass(COMMAND_TIMEOUT);

    await expect(running).resolves.toEqual(unavailable);
    await expect(replica.store.holderOf('a')).resolves.toBeNull();
    expect(replica.store.callsOf('release')[0].owners).toEqual(replica.store.callsOf('acquire')[0].owners);
  });

  it('is released as void until the store answers, and not after that', async () => {
    replica.store.next('acquire', timesOut);
    replica.store.always('release', fails({ mayHaveRun: true }));
    const running = replica.locks.run('a', () => 1, { ttl: 600_000 });
    await replica.clock.pass(COMMAND_TIMEOUT);
    await running;

    await replica.clock.pass(60_000);
    const tries = replica.store.callsOf('release').length;
    expect(tries).toBeGreaterThan(20);
    replica.store.recover('release');
    await replica.clock.pass(2000);

    await expect(replica.store.holderOf('a')).resolves.toBeNull();
    expect(replica.store.callsOf('release')).toHaveLength(tries + 1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not keep the process alive with those repetitions', async () => {
    replica.store.next('acquire', fails({ mayHaveRun: true }));
    replica.store.next('release', fails({ mayHaveRun: true }));
    const setTimer = jest.spyOn(globalThis, 'setTimeout');

    await replica.locks.run('a', () => 1, {});
    await settle();

    expect(setTimer.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
  });

  it('is not released if it certainly did nothing', async () => {
    replica.store.next('acquire', fails({ mayHaveRun: false }));

    await replica.locks.run('a', () => 1, {});
    await replica.clock.pass(TTL);

    expect(replica.store.callsOf('release')).toEqual([]);
  });

  it('does not affect the lock of a later acquisition', async () => {
    replica.store.next('acquire', fails({ mayHaveRun: true }));
    replica.store.next('release', fails({ mayHaveRun: true }));
    await replica.locks.run('a', () => 1, {});

    const lease = await replica.acquire('a');
    await replica.clock.pass(1000);

    expect(replica.store.callsOf('release')).toHaveLength(2);
    expect((await replica.store.holderOf('a'))?.owner).toBe(lease.owner);
  });

  it.each([
    ['commandTimeout', TTL, COMMAND_TIMEOUT],
    ['two thirds of a short TTL', 1500, 1000],
  ])('is waited for no longer than %s', async (_, ttl, expected) => {
    await replica.locks.run('a', () => 1, { ttl });

    expect(replica.store.callsOf('acquire')[0].within).toBeCloseTo(expected);
  });
});

describe('a grant whose reply comes late', () => {
  it('is released and refused after more than two thirds of the TTL', async () => {
    replica.store.next('acquire', answersAfter(667));
    const work = jest.fn();

    const running = replica.locks.run('a', work, { ttl: 1000 });
    await replica.clock.pass(667);

    const outcome = await running;
    expect(outcome).toEqual(unavailable);
    expect(outcome).toMatchObject({ error: { message: expect.stringContaining('667 ms of its 1000 ms') } });
    expect(work).not.toHaveBeenCalled();
    await expect(replica.store.holderOf('a')).resolves.toBeNull();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is judged by the clock, even if the process stood still and no timer ran', async () => {
    replica.store.next('acquire', async (carryOut) => {
      const reply = await carryOut();
      replica.clock.standStill(TTL * 3);
      return reply;
    });

    await expect(replica.locks.run('a', () => 1, {})).resolves.toEqual(unavailable);
    expect(replica.store.callsOf('release')).toHaveLength(1);
  });

  it('runs after less than that', async () => {
    replica.store.next('acquire', answersAfter(666));

    const running = replica.locks.run('a', () => 1, { ttl: 1000 });
    await replica.clock.pass(666);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
  });
});

describe('a release that hangs', () => {
  it('adds no more than 250 ms to run', async () => {
    replica.store.always('release', hangs);
    const settled = jest.fn();

    const running = replica.locks.run('a', () => 1, {}).finally(settled);
    await replica.clock.pass(249);
    expect(settled).not.toHaveBeenCalled();
    await replica.clock.pass(1);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
  });

  it('continues in the background until the store has answered', async () => {
    replica.store.next('release', hangsUntilItsTime, hangsUntilItsTime);

    const running = replica.locks.run('a', () => 1, { ttl: 600_000 });
    await replica.clock.pass(250);
    await running;
    await expect(replica.store.holderOf('a')).resolves.not.toBeNull();
    await replica.clock.pass(COMMAND_TIMEOUT * 3);

    await expect(replica.store.holderOf('a')).resolves.toBeNull();
    expect(replica.store.callsOf('release')).toHaveLength(3);
    expect(jest.getTimerCount()).toBe(0);
  });
});

/** As a store does that keeps to its contract: it fails when the time is over. */
const hangsUntilItsTime = async (_: unknown, within: number): Promise<never> => {
  await new Promise((resolve) => setTimeout(resolve, within));
  throw new LockStoreError('no reply', { mayHaveRun: true });
};
