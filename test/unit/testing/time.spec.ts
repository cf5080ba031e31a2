import { jest } from '@jest/globals';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { closeApps } from '../../integration/nest/support/nest-apps.js';
import { HOUR, LEASE, RAN, RENEW_EVERY, compileOn, isSettled, startWork, work } from './support/app.js';

let kit: LockTestKit;

beforeEach(() => {
  kit = new LockTestKit();
});
afterEach(closeApps);

describe('time that the kit lets pass', () => {
  it('renews the leases of work that continues', async () => {
    const { locks, events } = await compileOn(kit);
    const { lease, signal, finish } = await startWork(locks, 'report');

    await kit.clock.advance(HOUR);

    expect([lease.held, signal.aborted]).toEqual([true, false]);
    const renewals = events.filter(({ type }) => type === 'renewed').length;
    expect(renewals).toBeCloseTo(HOUR / RENEW_EVERY, -1);
    expect(await finish()).toEqual(RAN);
  });

  it('ends a lease at once when the process stands still', async () => {
    const { locks } = await compileOn(kit);
    const { lease, signal, finish } = await startWork(locks, 'report');

    const moved = kit.clock.standStill(LEASE);
    expect(lease.held).toBe(false);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'LOCK_LOST' }));
    await moved;

    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'expired' });
    expect(await finish()).toMatchObject({ status: 'lost', error: { reason: 'expired' } });
  });

  it('aborts the signal of work that never checks its lease when the process stands still', async () => {
    const { locks } = await compileOn(kit);
    const { signal, finish } = await startWork(locks, 'report');

    await kit.clock.standStill(LEASE);

    expect(signal.aborted).toBe(true);
    await finish();
  });

  it('is used by the store for gaps and marks', async () => {
    const { locks, log } = await compileOn(kit);
    const gap = { gap: HOUR };
    const key = { key: 'v1', remember: HOUR };
    await locks.run('gap', work, { occurrence: gap });
    await locks.run('key', work, { occurrence: key });

    await kit.clock.advance(HOUR / 2);
    expect(await locks.run('gap', work, { occurrence: gap })).toMatchObject({ reason: 'done' });
    expect(await locks.run('key', work, { occurrence: key })).toMatchObject({ reason: 'done' });
    await kit.clock.advance(HOUR / 2);

    expect(await locks.run('gap', work, { occurrence: gap })).toEqual(RAN);
    expect(await locks.run('key', work, { occurrence: key })).toEqual(RAN);
    expect(log.complaints).toEqual([]);
  });

  it('is used for ticks', async () => {
    const { locks, log } = await compileOn(kit);
    await kit.clock.advance(HOUR);
    const occurrence = {
      tick: new Date(kit.clock.wall() + 30_000),
      following: () => new Date(kit.clock.wall() + 90_000),
    };
    const outcome = locks.run('report', work, { occurrence });

    await kit.clock.advance(29_000);
    expect(await isSettled(outcome)).toBe(false);
    await kit.clock.advance(1000);

    expect(await outcome).toEqual(RAN);
    expect(await locks.run('report', work, { occurrence })).toMatchObject({ reason: 'done' });
    expect(log.complaints).toEqual([]);
  });

  it('is used for the wait of a shutdown', async () => {
    const { module, locks } = await compileOn(kit);
    const { signal, finish } = await startWork(locks, 'report');
    const closed = module.close();

    await kit.clock.advance(9_999);
    expect(signal.aborted).toBe(false);
    await kit.clock.advance(1);

    expect(signal.reason).toMatchObject({ code: 'LOCK_SHUTTING_DOWN' });
    await finish();
    await closed;
  });

  it('also passes under the fake timers of jest', async () => {
    const { locks } = await compileOn(kit);
    jest.useFakeTimers();
    try {
      const { lease, signal, finish } = await startWork(locks, 'report');
      await kit.clock.advance(HOUR);
      expect(lease.held).toBe(true);
      kit.down();
      await kit.clock.advance(LEASE);
      expect(signal.aborted).toBe(true);
      expect(jest.getTimerCount()).toBe(0);
      kit.up();
      await finish();
    } finally {
      jest.useRealTimers();
    }
  });
});
