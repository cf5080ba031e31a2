import { Injectable, type OnModuleInit } from '@nestjs/common';
import { jest } from '@jest/globals';
import { Exclusive } from 'nestjs-exclusive-lock';
import { LockTestKit } from 'nestjs-exclusive-lock/testing';
import { closeApps } from '../../integration/nest/support/nest-apps.js';
import { compileOn, isSettled, startWork } from './support/app.js';

const TTL = 10_000;
/** What is left of the TTL when the lease ends. */
const LEASE = TTL - 500;
const RENEW_EVERY = TTL / 3;
const HOUR = 3_600_000;

let kit: LockTestKit;

beforeEach(() => {
  kit = new LockTestKit();
});
afterEach(closeApps);

const work = (): string => 'value';
const RAN = { status: 'ran', value: 'value' };

describe('a lock that is held elsewhere', () => {
  it('is busy for the application until it is released there', async () => {
    const { locks } = await compileOn(kit);
    const other = await kit.holdElsewhere('report', { contents: { page: 3 } });

    await expect(locks.run('report', work)).resolves.toMatchObject({
      reason: 'busy',
      holder: { replica: 'another-replica', contents: { page: 3 } },
    });
    await kit.clock.advance(24 * HOUR);
    await expect(locks.acquire('report')).resolves.toBeNull();
    await other.release();

    await expect(locks.run('report', work)).resolves.toEqual(RAN);
  });

  it('is free when the other replica has died and the TTL has passed', async () => {
    const { locks } = await compileOn(kit);
    const other = await kit.holdElsewhere('report', { ttl: 3000 });
    await kit.clock.advance(HOUR);

    await other.die();
    await kit.clock.advance(2999);
    expect(await locks.run('report', work)).toMatchObject({ reason: 'busy', remaining: 1 });
    await kit.clock.advance(1);

    expect(await locks.run('report', work)).toEqual(RAN);
  });

  it('is nothing to the application any more when it is released again', async () => {
    const { locks } = await compileOn(kit);
    const other = await kit.holdElsewhere('report');
    await other.release();
    const { lease, finish } = await startWork(locks, 'report');

    await other.release();
    await other.die();
    await kit.clock.advance(HOUR);

    expect(lease.held).toBe(true);
    expect(await finish()).toEqual(RAN);
  });

  it('is had by whoever waits for it when it is released', async () => {
    const { locks } = await compileOn(kit);
    const other = await kit.holdElsewhere('report');
    const outcome = locks.run('report', work, { wait: true });
    await kit.clock.advance(60_000);
    expect(await isSettled(outcome)).toBe(false);

    await other.release();

    expect(await outcome).toEqual(RAN);
  });

  it('is waited for by the clock of the kit', async () => {
    const { locks } = await compileOn(kit);
    await kit.holdElsewhere('report');
    const outcome = locks.run('report', work, { wait: 60_000 });

    await kit.clock.advance(59_999);
    expect(await isSettled(outcome)).toBe(false);
    const [failure] = await Promise.allSettled([outcome, kit.clock.advance(1)]);

    expect(failure).toMatchObject({
      reason: { code: 'LOCK_TIMEOUT', holder: { replica: 'another-replica' } },
    });
  });

  it('makes a start hook stand by, and take over when the other replica dies', async () => {
    const started: string[] = [];
    @Injectable()
    class Migration implements OnModuleInit {
      @Exclusive('migrate')
      async onModuleInit(): Promise<void> {
        started.push('migration');
      }
    }
    const other = await kit.holdElsewhere('migrate');
    const { module } = await compileOn(kit, Migration);
    const init = module.init();

    await kit.clock.advance(60_000);
    expect(started).toEqual([]);
    await other.die();
    await kit.clock.advance(TTL);
    await init;

    expect(started).toEqual(['migration']);
  });

  it('cannot be one that somebody holds already', async () => {
    const { locks } = await compileOn(kit);
    await kit.holdElsewhere('there');
    await startWork(locks, 'here').then(async ({ finish }) => {
      await expect(kit.holdElsewhere('here')).rejects.toMatchObject({ code: 'LOCK_CONFIGURATION' });
      await finish();
    });
    await expect(kit.holdElsewhere('there')).rejects.toThrow(
      '"there" cannot be held elsewhere: another-replica holds it.',
    );
  });
});

describe('time that the kit lets pass', () => {
  it('renews the leases of work that goes on', async () => {
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

  it('aborts the signal of work that never asks when the process stands still', async () => {
    const { locks } = await compileOn(kit);
    const { signal, finish } = await startWork(locks, 'report');

    await kit.clock.standStill(LEASE);

    expect(signal.aborted).toBe(true);
    await finish();
  });

  it('is that by which the store judges gaps, and what it remembers of runs', async () => {
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

  it('is that by which a tick comes', async () => {
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

  it('is that for which a shutdown waits', async () => {
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

  it('passes under the fake timers of jest, too', async () => {
    const { locks } = await compileOn(kit);
    jest.useFakeTimers();
    try {
      const { lease, signal, finish } = await startWork(locks, 'report');
      await kit.clock.advance(HOUR);
      expect(lease.held).toBe(true);
      kit.down();
      await kit.clock.advance(LEASE);
      expect(signal.aborted).toBe(true);
      kit.up();
      await finish();
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('a lease that the kit takes away', () => {
  it('is lost, and another replica has the lock', async () => {
    const { locks, events } = await compileOn(kit);
    const { lease, signal, finish } = await startWork(locks, 'report');

    const other = await kit.loseLease('report');

    expect(lease.held).toBe(false);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'taken' });
    expect(events.at(-1)).toMatchObject({ type: 'lost', name: 'report' });
    expect(await finish()).toMatchObject({ status: 'lost', value: 'value' });
    expect(await locks.inspect('report')).toMatchObject({ holder: { replica: 'another-replica' } });
    await other.release();
    expect(await locks.run('report', work)).toEqual(RAN);
  });

  it('has vanished where the test wants it, and the lock is free', async () => {
    const { locks } = await compileOn(kit);
    const { signal, finish } = await startWork(locks, 'report');

    await kit.loseLease('report', 'vanished');

    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'vanished' });
    expect(await locks.inspect('report')).toBeNull();
    expect(await finish()).toMatchObject({ status: 'lost', error: { reason: 'vanished' } });
  });

  it('is lost at once while the store is down', async () => {
    const { locks } = await compileOn(kit);
    const { signal, finish } = await startWork(locks, 'report');
    kit.down();

    await kit.loseLease('report');

    expect(signal.reason).toMatchObject({ reason: 'taken' });
    kit.up();
    await finish();
  });

  it('is that of a call which the test has only just made', async () => {
    const { locks } = await compileOn(kit);
    const outcome = locks.run('report', ({ signal }) => aborted(signal));

    const [failure] = await Promise.allSettled([outcome, kit.loseLease('report')]);

    expect(failure).toMatchObject({ status: 'rejected', reason: { code: 'LOCK_LOST' } });
  });

  it('takes no other lease with it, and no time', async () => {
    const { locks } = await compileOn(kit);
    const [lost, kept] = [await startWork(locks, 'lost'), await startWork(locks, 'kept')];
    const before = kit.clock.now();

    await kit.loseLease('lost');

    expect([lost.lease.held, kept.lease.held]).toEqual([false, true]);
    expect(kit.clock.now()).toBe(before);
    await lost.finish();
    expect(await kept.finish()).toEqual(RAN);
  });

  it('is that of the replica which holds the lock, where several share the store', async () => {
    const [one, two] = [await compileOn(kit), await compileOn(kit)];
    const running = await startWork(two.locks, 'report');

    await kit.loseLease('report');

    expect(running.signal.aborted).toBe(true);
    expect(one.events.filter(({ type }) => type === 'lost')).toEqual([]);
    await running.finish();
  });

  it('must be there', async () => {
    await compileOn(kit);
    await kit.holdElsewhere('elsewhere');

    await expect(kit.loseLease('free')).rejects.toThrow(
      'The lease on "free" cannot be lost: nobody holds the lock.',
    );
    await expect(kit.loseLease('elsewhere')).rejects.toMatchObject({ code: 'LOCK_CONFIGURATION' });
    await expect(kit.loseLease('free', 'gone' as 'taken')).rejects.toThrow(`'taken' or 'vanished'`);
  });
});

describe('a store that the kit takes down', () => {
  it('fails every call until it is up again', async () => {
    const { locks } = await compileOn(kit);

    kit.down();
    expect(await locks.run('report', work)).toMatchObject({ reason: 'store-unavailable' });
    await expect(locks.acquire('report')).rejects.toMatchObject({ code: 'LOCK_STORE', mayHaveRun: false });
    await expect(locks.inspect('report')).rejects.toMatchObject({ code: 'LOCK_STORE' });
    await kit.clock.advance(HOUR);
    expect(await locks.run('report', work)).toMatchObject({ reason: 'store-unavailable' });
    kit.up();

    expect(await locks.run('report', work)).toEqual(RAN);
  });

  it('is back when its time has passed', async () => {
    const { locks } = await compileOn(kit);

    kit.downFor(5000);
    await kit.clock.advance(4999);
    expect(await locks.run('report', work)).toMatchObject({ reason: 'store-unavailable' });
    await kit.clock.advance(1);

    expect(await locks.run('report', work)).toEqual(RAN);
  });

  it('costs no lease that outlives the outage', async () => {
    const { locks, events } = await compileOn(kit);
    const { lease, finish } = await startWork(locks, 'report');

    kit.downFor(LEASE / 2);
    await kit.clock.advance(HOUR);

    expect(lease.held).toBe(true);
    expect(events.map(({ type }) => type)).toContain('renewalFailed');
    expect(await finish()).toEqual(RAN);
  });

  it('costs the lease whose time passes without a renewal', async () => {
    const { locks } = await compileOn(kit);
    const { lease, signal, finish } = await startWork(locks, 'report');

    kit.downFor(HOUR);
    await kit.clock.advance(LEASE - 10);
    expect([lease.held, signal.aborted]).toEqual([true, false]);
    await kit.clock.advance(10);

    expect(lease.held).toBe(false);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'store-unavailable' });
    kit.up();
    await finish();
  });

  it('gets back a lock whose work ended meanwhile', async () => {
    const { locks } = await compileOn(kit);
    const { finish } = await startWork(locks, 'report');

    kit.down();
    const [outcome] = await Promise.all([finish(), kit.clock.advance(1000)]);
    kit.up();
    expect(await locks.inspect('report')).not.toBeNull();
    await kit.clock.advance(2000);

    expect(outcome).toEqual(RAN);
    expect(await locks.inspect('report')).toBeNull();
  });
});

describe('applications on the store of one kit', () => {
  it('are replicas of each other, also when one has been closed', async () => {
    const [one, two] = [await compileOn(kit), await compileOn(kit)];
    const occurrence = { key: 'v1' };
    const { finish } = await startWork(one.locks, 'report');
    expect(await two.locks.run('report', work)).toMatchObject({ reason: 'busy' });
    await finish();
    await one.locks.run('migrate', work, { occurrence });
    await one.module.close();

    expect(await two.locks.run('migrate', work, { occurrence })).toMatchObject({ reason: 'done' });
    expect(await two.locks.run('report', work)).toEqual(RAN);
  });
});

describe('the test kit', () => {
  it('refuses what cannot work', async () => {
    const refusal = { code: 'LOCK_CONFIGURATION' };
    await expect(kit.holdElsewhere('')).rejects.toMatchObject(refusal);
    await expect(kit.holdElsewhere('a', { ttl: 5 })).rejects.toMatchObject(refusal);
    await expect(kit.holdElsewhere('a', { tll: 5000 } as object)).rejects.toThrow(
      'tll is not an option of holdElsewhere.',
    );
    await expect(kit.holdElsewhere('a', { contents: 1n })).rejects.toMatchObject(refusal);
    expect(() => kit.downFor(-1)).toThrow(expect.objectContaining(refusal));
  });
});

/** Rejects with the reason for which the signal aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}
