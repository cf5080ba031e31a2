import { jest } from '@jest/globals';
import { LockLostError } from '../../../lib/common/errors.js';
import type { HeldLease } from '../../../lib/core/held-lease.js';
import { useRealTime } from './support/manual-clock.js';
import { LEASE, OpenWork, RENEW_EVERY, startReplica, TTL, type Replica } from './support/replica.js';
import { answersAfter, fails, hangs } from './support/scripted-store.js';

const MAX_HOLD = 25_000;
let replica: Replica;

beforeEach(() => {
  replica = startReplica();
});
afterEach(useRealTime);

const reasonOf = (lease: HeldLease) => lease.lossError?.reason;

describe('a lease with maxHold', () => {
  it('is renewed until it has been held that long, and is lost at that moment', async () => {
    const lease = await replica.acquire('a', { maxHold: MAX_HOLD });
    const { signal } = lease;

    await replica.clock.pass(MAX_HOLD - 10);
    expect([lease.held, lease.remaining, signal.aborted]).toEqual([true, 10, false]);
    await replica.clock.pass(10);

    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'max-hold' });
    expect([lease.held, lease.remaining]).toEqual([false, 0]);
    expect(() => lease.assertHeld()).toThrow(LockLostError);
  });

  it('says how long that was, and what to do', async () => {
    const lease = await replica.acquire('a', { maxHold: MAX_HOLD });
    await replica.clock.pass(MAX_HOLD);

    expect(replica.logger.warnings).toEqual([
      expect.stringMatching(/"a" is lost: it was held for maxHold \(25000 ms\).*Raise maxHold/),
    ]);
    expect(lease.lossError?.message).toBe(replica.logger.warnings[0]);
  });

  it('is no longer renewed, so that another replica gets the lock within the TTL although the work hangs', async () => {
    const other = startReplica({}, replica);
    const hanging = new OpenWork();
    void replica.locks.run('a', () => hanging.done, { maxHold: MAX_HOLD });
    let grantedAt: number | undefined;
    const next = other.locks.run('a', () => (grantedAt = replica.clock.now()), { wait: true });

    await replica.clock.pass(MAX_HOLD);
    const renewals = replica.store.callsOf('renew').length;
    expect(grantedAt).toBeUndefined();
    await replica.clock.pass(TTL);
    await next;

    expect(grantedAt).toBeGreaterThan(MAX_HOLD);
    expect(grantedAt).toBeLessThanOrEqual(MAX_HOLD + TTL + 100);
    expect(replica.store.callsOf('renew')).toHaveLength(renewals);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('that ends before its TTL keeps others out until the TTL has passed or it is released', async () => {
    const lease = await replica.acquire('a', { maxHold: 500 });
    await replica.clock.pass(500);

    expect(reasonOf(lease)).toBe('max-hold');
    expect(await replica.store.holderOf('a')).not.toBeNull();
    await lease.release();
    expect(await replica.store.holderOf('a')).toBeNull();
    expect(reasonOf(lease)).toBe('max-hold');
  });

  it('is lost at the first check after a pause, even if no timer has run', async () => {
    const lease = await replica.acquire('a', { maxHold: 5000 });
    const { signal } = lease;

    replica.clock.standStill(5000);
    expect(signal.aborted).toBe(false);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ reason: 'max-hold' }));

    expect(signal.aborted).toBe(true);
  });

  it.each([
    ['max-hold', LEASE - 1],
    ['max-hold', LEASE],
    ['expired', LEASE + 1],
  ])(
    'is lost as %s after a pause, with maxHold at %i ms, because that came first',
    async (reason, maxHold) => {
      const lease = await replica.acquire('a', { maxHold });

      replica.clock.standStill(TTL * 2);

      expect(lease.held).toBe(false);
      expect(reasonOf(lease)).toBe(reason);
    },
  );

  it('is lost as store-unavailable if the store was away until its deadline', async () => {
    const lease = await replica.acquire('a', { maxHold: LEASE + 1 });
    replica.store.always('renew', fails({ mayHaveRun: true }));

    await replica.clock.pass(TTL * 2);

    expect(reasonOf(lease)).toBe('store-unavailable');
  });

  it('ends in time while a renewal hangs, and is not restored when that is confirmed', async () => {
    const lease = await replica.acquire('a', { maxHold: RENEW_EVERY + 1000 });
    replica.store.next('renew', answersAfter(2000));

    await replica.clock.pass(RENEW_EVERY + 1000);
    expect([lease.held, reasonOf(lease)]).toEqual([false, 'max-hold']);
    await replica.clock.pass(TTL);

    expect(lease.held).toBe(false);
    expect(replica.store.callsOf('renew')).toHaveLength(1);
  });

  it('counts from the grant, not from the request', async () => {
    replica.store.next('acquire', answersAfter(1500));
    const acquired = replica.acquire('a', { maxHold: 2000 });
    await replica.clock.pass(1500);

    expect((await acquired).remaining).toBe(2000);
  });

  it('does not affect other leases', async () => {
    const short = await replica.acquire('short', { maxHold: 500 });
    const kept = await replica.acquire('kept');

    await replica.clock.pass(TTL * 3);

    expect([short.held, kept.held]).toEqual([false, true]);
  });

  it('ends with the deadline of its TTL if that comes first', async () => {
    const lease = await replica.acquire('a', { maxHold: MAX_HOLD });
    expect(lease.remaining).toBe(LEASE);
    replica.store.always('renew', hangs);

    await replica.clock.pass(LEASE);

    expect(reasonOf(lease)).toBe('store-unavailable');
  });
});

describe('a run with maxHold', () => {
  it('is lost, with its value, and releases the lock when the work returns', async () => {
    const work = new OpenWork<number>();
    const running = replica.locks.run('a', () => work.done, { maxHold: 500 });
    await replica.clock.pass(600);
    expect(await replica.store.holderOf('a')).not.toBeNull();
    work.finish(7);

    await expect(running).resolves.toMatchObject({ status: 'lost', value: 7, error: { reason: 'max-hold' } });
    expect(await replica.store.holderOf('a')).toBeNull();
  });

  it('rejects with the error of its work', async () => {
    const work = new OpenWork();
    const running = replica.locks.run('a', () => work.done, { maxHold: 500 });
    const rejected = expect(running).rejects.toThrow('the work stopped');
    await replica.clock.pass(600);
    work.fail(new Error('the work stopped'));

    await rejected;
  });

  it.each([99, 0, Number.NaN, '5000', null, 2 ** 31])('refuses %p', async (maxHold) => {
    await expect(replica.locks.run('a', () => 1, { maxHold: maxHold as number })).rejects.toMatchObject({
      code: 'LOCK_CONFIGURATION',
      message: expect.stringContaining('maxHold must be a number of milliseconds from 100'),
    });
  });

  it('accepts a time shorter than the TTL, and checks the other times', async () => {
    await expect(replica.locks.run('a', () => 1, { maxHold: 100, ttl: 3000 })).resolves.toBeDefined();
    await expect(replica.locks.run('a', () => 1, { maxHold: 100, ttl: 50 })).rejects.toThrow('ttl = 50');
  });
});
