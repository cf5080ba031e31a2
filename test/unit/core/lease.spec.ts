import { inspect } from 'node:util';
import { LockLostError } from '../../../lib/common/errors.js';
import { useRealTime } from './support/manual-clock.js';
import { LEASE, RENEW_EVERY, startReplica, TTL, type Replica } from './support/replica.js';
import { answers, answersAfter, fails, hangs } from './support/scripted-store.js';

let replica: Replica;

beforeEach(() => {
  replica = startReplica();
});
afterEach(useRealTime);

it('a lease shows its public fields in logs', async () => {
  const lease = await replica.acquire('a');
  const shown = {
    name: 'a',
    fencingToken: lease.fencingToken,
    tick: undefined,
    held: true,
    remaining: LEASE,
  };

  expect(inspect(lease)).toBe(inspect(shown));
  expect(JSON.parse(JSON.stringify(lease))).toEqual(JSON.parse(JSON.stringify(shown)));
});

describe('the time of a lease', () => {
  it('counts from before the acquisition was sent, not from its reply', async () => {
    replica.store.next('acquire', answersAfter(1500));

    const acquired = replica.acquire('a');
    await replica.clock.pass(1500);
    const lease = await acquired;

    expect(lease.remaining).toBe(LEASE - 1500);
  });

  it('counts from before the renewal was sent, not from its reply', async () => {
    const lease = await replica.acquire('a');
    replica.store.next('renew', answersAfter(1000));

    await replica.clock.pass(RENEW_EVERY + 1000);

    expect(lease.remaining).toBe(LEASE - 1000);
  });

  it('is not shortened by a reply that arrives after a later one', async () => {
    const lease = await replica.acquire('a');
    const before = lease.remaining;

    lease.extend(replica.clock.now() - 4000);

    expect(lease.remaining).toBe(before);
  });

  it.each([
    [100, 95],
    [1000, 950],
    [10_000, 9500],
    [60_000, 59_500],
  ])('with a TTL of %i ms ends after %i ms, before the store can give the lock away', async (ttl, end) => {
    const lease = await replica.acquire('a', { ttl });

    replica.clock.standStill(end - 1);
    expect([lease.held, lease.remaining]).toEqual([true, 1]);
    replica.clock.standStill(1);
    expect([lease.held, lease.remaining]).toEqual([false, 0]);
  });

  it('is over at the first check after a pause longer than the TTL, even if no timer has run', async () => {
    const lease = await replica.acquire('a');
    expect(() => lease.assertHeld()).not.toThrow();

    replica.clock.standStill(TTL + 1);

    expect(() => lease.assertHeld()).toThrow(LockLostError);
    expect(lease.held).toBe(false);
    expect(lease.remaining).toBe(0);
    expect(lease.lossError?.reason).toBe('expired');
  });

  it('makes such a check abort the signal, in the same synchronous code', async () => {
    const lease = await replica.acquire('a');
    const { signal } = lease;

    replica.clock.standStill(TTL);
    expect(signal.aborted).toBe(false);
    expect(lease.held).toBe(false);

    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'expired' });
  });

  it('survives a pause shorter than the time that was left', async () => {
    const lease = await replica.acquire('a');

    replica.clock.standStill(LEASE - 10);
    expect(lease.held).toBe(true);
    await replica.clock.pass(RENEW_EVERY);

    expect(lease.held).toBe(false);
  });
});

describe('the signal of a lease', () => {
  it('aborts at the deadline and not later, while the renewal hangs', async () => {
    const lease = await replica.acquire('a');
    const { signal } = lease;
    replica.store.always('renew', hangs);

    await replica.clock.pass(LEASE - 10);
    expect(signal.aborted).toBe(false);
    await replica.clock.pass(10);

    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(LockLostError);
  });

  it('is aborted if it is first read after the loss', async () => {
    const lease = await replica.acquire('a');
    replica.clock.standStill(TTL);
    expect(lease.held).toBe(false);

    expect(lease.signal.aborted).toBe(true);
    expect(lease.signal.reason).toBe(lease.lossError);
  });

  it('does not abort when the lease is released', async () => {
    const lease = await replica.acquire('a');
    const { signal } = lease;

    await lease.release();

    expect(signal.aborted).toBe(false);
    expect(lease.signal.aborted).toBe(false);
  });
});

describe('a release', () => {
  it('asks the store once, however often it is called', async () => {
    const lease = await replica.acquire('a');

    await Promise.all([lease.release(), lease.release(), lease[Symbol.asyncDispose]()]);
    await lease.release();

    expect(replica.store.callsOf('release')).toHaveLength(1);
    await expect(replica.store.holderOf('a')).resolves.toBeNull();
  });

  it('ends the lease at once, before the store has answered', async () => {
    const lease = await replica.acquire('a');
    replica.store.next('release', answersAfter(100));

    const released = lease.release();

    expect([lease.held, lease.remaining]).toEqual([false, 0]);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ reason: 'released' }));
    await replica.clock.pass(100);
    await released;
  });

  it('that finds the lock taken reports a loss: two holders had it at the same time', async () => {
    const lease = await replica.acquire('a');
    const { signal } = lease;
    replica.store.next('release', answers('taken'));

    await lease.release();

    expect(lease.lossError?.reason).toBe('taken');
    expect(signal.reason).toMatchObject({ reason: 'taken' });
    expect(replica.logger.warnings).toHaveLength(1);
  });

  it('that finds the lock vanished is an ordinary release if the lease was held until then', async () => {
    const lease = await replica.acquire('a');
    const { signal } = lease;
    replica.store.next('release', answers('vanished'));

    await lease.release();

    expect(lease.lossError?.reason).toBe('released');
    expect(signal.aborted).toBe(false);
    expect(replica.logger.warnings).toEqual([]);
  });

  it('does not change the reason of an earlier loss', async () => {
    const lease = await replica.acquire('a');
    replica.clock.standStill(TTL);
    expect(lease.held).toBe(false);

    await lease.release();

    expect(lease.lossError?.reason).toBe('expired');
  });

  it('never rejects, whatever the store does', async () => {
    const lease = await replica.acquire('a');
    replica.store.next('release', fails({ mayHaveRun: false }));

    const released = lease.release();
    await replica.clock.pass(50);

    await expect(released).resolves.toBeUndefined();
    await expect(replica.store.holderOf('a')).resolves.toBeNull();
  });
});

it('a lease shows the name, the fencing token and the tick that it was granted for', async () => {
  const tick = new Date(Date.now() - 1000);

  const lease = await replica.acquire('a', { occurrence: { tick } });

  expect(lease.name).toBe('a');
  expect(lease.tick).toEqual(tick);
  expect(lease.fencingToken).toBe((await replica.store.holderOf('a'))?.fencingToken);
});
