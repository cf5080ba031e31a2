import { getEventListeners } from 'node:events';
import type { LockEvent } from '../../../lib/core/lock-events.js';
import type { HeldLease } from '../../../lib/core/held-lease.js';
import type { Skipped } from '../../../lib/core/outcome.js';
import type { Acquired } from '../../../lib/core/wanted.js';
import type { AcquireReply } from '../../../lib/stores/lock-store.js';
import { settle, timersLeft, useRealTime } from './support/manual-clock.js';
import { OpenWork, startReplica, TTL, type Replica } from './support/replica.js';
import { timesOut } from './support/scripted-store.js';

let replica: Replica;
let other: Replica;
let lease: HeldLease;

beforeEach(async () => {
  replica = startReplica();
  other = startReplica({}, replica);
  lease = await other.acquire('a');
});
afterEach(useRealTime);

const asks = () => replica.store.callsOf('acquire').length;

/** Waits for the lock, and keeps in `order` when it has it; releases it after `hold` milliseconds. */
async function wait(by: Replica, label: string, order: string[], hold = 10): Promise<void> {
  const outcome = await by.locks.run(
    'a',
    async () => {
      order.push(label);
      await new Promise((resolve) => setTimeout(resolve, hold));
    },
    { wait: true },
  );
  expect(outcome.status).toBe('ran');
}

/** As Redis says it while the connection for messages is lost, though the waiter is still in the queue. */
async function busyButNotQueued(carryOut: () => Promise<AcquireReply>): Promise<AcquireReply> {
  return { ...(await carryOut()), queued: false } as AcquireReply;
}

describe('a queue of waiters', () => {
  it('is notified when the lock is released: no time passes until the next waiter has it', async () => {
    const waiting = replica.acquire('a', { wait: true });
    await settle();
    const before = replica.clock.now();

    await lease.release();

    expect((await waiting).held).toBe(true);
    expect(replica.clock.now()).toBe(before);
  });

  it('is first come, first served, in one replica and across replicas', async () => {
    const order: string[] = [];
    const waits: Promise<void>[] = [];
    for (const [by, label] of [
      [replica, '1'],
      [replica, '2'],
      [other, '3'],
      [replica, '4'],
      [other, '5'],
    ] as const) {
      waits.push(wait(by, label, order));
      await replica.clock.pass(1);
    }

    await lease.release();
    await replica.clock.pass(200);

    await Promise.all(waits);
    expect(order).toEqual(['1', '2', '3', '4', '5']);
  });

  it('includes waiters for a run, which learn in time that it is done if the queue is long', async () => {
    const occurrence = { key: 'v1' };
    const order: string[] = [];
    const work = new OpenWork();
    // As a replica that has come before all of them, and does the same.
    const runner = replica.locks.run('a', () => work.done, { occurrence, wait: true });
    await replica.clock.pass(1);
    const behind = [wait(other, '1', order, 60_000), wait(replica, '2', order)];
    await replica.clock.pass(1);
    const claimant = other.locks.run('a', () => order.push('again'), { occurrence, wait: true });
    await replica.clock.pass(1);
    await lease.release();
    await settle();

    work.finish();
    await runner;
    await replica.clock.pass(2100);

    expect(await claimant).toEqual({ status: 'skipped', reason: 'done' });
    expect(order).toEqual(['1']);
    await replica.clock.pass(60_000);
    await Promise.all(behind);
    expect(order).toEqual(['1', '2']);
  });

  it.each([
    ['is told only that it may be its turn', false],
    ['is told which grant is its own', true],
  ])(
    'gives whoever waits for a run the lock in its turn, and the run too: a store where it %s',
    async (_, reportsGrants) => {
      replica.store.reportsGrants = reportsGrants;
      const order: string[] = [];
      const first = wait(replica, '1', order);
      await replica.clock.pass(1);
      const occurrence = { tick: new Date(Date.now() - 1000) };
      const claimant = other.locks.run('a', () => order.push('claimed'), { occurrence, wait: true });
      await replica.clock.pass(1);
      const last = wait(other, '3', order);
      await replica.clock.pass(1);

      await lease.release();
      await replica.clock.pass(50);

      await Promise.all([first, last]);
      expect(await claimant).toMatchObject({ status: 'ran' });
      expect(order).toEqual(['1', 'claimed', '3']);
      expect(await replica.locks.run('a', () => 1, { occurrence })).toMatchObject({ reason: 'done' });
    },
  );

  it('is left by a run whose caller no longer waits', async () => {
    const gone = replica.locks.run('a', () => 1, { occurrence: { key: 'v1' }, wait: 100 });
    const rejected = expect(gone).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    await replica.clock.pass(200);
    await rejected;

    await lease.release();

    expect(await replica.store.holderOf('a')).toBeNull();
  });

  it('asks the store once in two seconds for a thousand waiters of one replica', async () => {
    const before = asks();
    const waits = Array.from({ length: 1000 }, () => replica.locks.run('a', () => 1, { wait: 60_000 }));
    const settled = Promise.allSettled(waits);
    await replica.clock.pass(50_000);

    expect(asks() - before).toBeLessThanOrEqual(26);
    expect(replica.store.watching).toBe(1);

    await replica.clock.pass(10_000);
    await settled;
    expect(replica.store.watching).toBe(0);
  });

  it('moves on within two seconds if a message is lost', async () => {
    replica.store.deaf = true;
    const waiting = replica.acquire('a', { wait: true });
    await settle();
    await lease.release();
    expect(asks()).toBe(2);

    await replica.clock.pass(2000);

    expect((await waiting).held).toBe(true);
  });

  it('moves on when the TTL of a dead holder has passed', async () => {
    replica.store.always('renew', () => new Promise(() => {}));
    const waiting = replica.locks.run('a', () => replica.clock.now(), { wait: true });

    await replica.clock.pass(TTL + 100);

    const outcome = await waiting;
    expect(outcome.status === 'ran' && outcome.value).toBeLessThanOrEqual(TTL + 2);
  });

  it('drops a waiter that gives up, which gets the reason, and leaves nothing behind', async () => {
    const controller = new AbortController();
    const [first, second] = [
      replica.acquire('a', { wait: true, signal: controller.signal }).catch((error: unknown) => error),
      replica.acquire('a', { wait: true, signal: controller.signal }).catch((error: unknown) => error),
    ];
    const third = replica.acquire('a', { wait: true });
    await settle();
    const reason = new Error('the client has gone');

    controller.abort(reason);

    expect([await first, await second]).toEqual([reason, reason]);
    await settle();
    expect(replica.store.withdrawals).toHaveLength(1);
    await lease.release();
    await (await third).release();
    expect(await replica.store.holderOf('a')).toBeNull();
    expect(await timersLeft()).toBe(0);
  });

  it('is left by a waiter whose last reply said that no message would arrive', async () => {
    const controller = new AbortController();
    replica.store.next('acquire', (carryOut) => carryOut(), busyButNotQueued);
    const waiting = replica.acquire('a', { wait: true, signal: controller.signal }).catch(() => 'gone');
    await replica.clock.pass(2050);

    controller.abort();

    await expect(waiting).resolves.toBe('gone');
    await settle();
    expect(replica.store.withdrawals).toHaveLength(1);
  });

  it('has one listener on a signal that a hundred waiters share, and none when it has aborted', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = Array.from({ length: 100 }, () => replica.acquire('a', { wait: true, signal }));
    const ends = Promise.allSettled(waiting);
    await settle();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);

    controller.abort(new Error('gone'));

    for (const end of await ends) expect(end).toEqual({ status: 'rejected', reason: signal.reason });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('leaves no listener on a signal that did not abort, which can be used again', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const first = replica.acquire('a', { wait: true, signal });
    const second = replica.acquire('a', { wait: true, signal });
    await settle();
    await lease.release();
    await (await first).release();
    const held = await second;
    expect(getEventListeners(signal, 'abort')).toEqual([]);

    const third = replica.acquire('a', { wait: true, signal });
    await settle();
    controller.abort(new Error('gone'));

    await expect(third).rejects.toBe(signal.reason);
    expect(held.held).toBe(true);
  });

  it('grants no lock to a caller that gave up while its request was under way', async () => {
    await lease.release();
    const controller = new AbortController();
    const waiting = replica.acquire('a', { wait: true, signal: controller.signal });

    controller.abort(new Error('gone'));

    await expect(waiting).rejects.toThrow('gone');
    await settle();
    expect(await replica.store.holderOf('a')).toBeNull();
  });

  it('sends no request for a caller that has given up before', async () => {
    const before = asks();
    await expect(replica.acquire('a', { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow(
      'gone',
    );
    expect(asks()).toBe(before);
  });

  it('passes on a lock that was handed to a waiter that gives up at that moment', async () => {
    replica.store.deaf = true;
    const controller = new AbortController();
    const first = replica.acquire('a', { wait: true, signal: controller.signal }).catch(() => 'gave up');
    await replica.clock.pass(1);
    const second = other.acquire('a', { wait: true });
    await settle();
    await lease.release();
    expect((await replica.store.holderOf('a'))?.holder).toContain('replica-1');
    replica.store.deaf = false;

    controller.abort(new Error('gone'));

    expect(await first).toBe('gave up');
    await settle();
    expect((await second).held).toBe(true);
  });

  it('names the holder to every waiter whose time is over, not only to the first', async () => {
    const first = replica.acquire('a', { wait: true });
    const second = replica.locks.run('a', () => 1, { wait: 1000 }).catch((error: unknown) => error);
    await replica.clock.pass(1000);

    expect(await second).toMatchObject({
      code: 'LOCK_TIMEOUT',
      message: 'The lock "a" could not be acquired within 1000 ms: replica-1 holds it.',
      holder: { replica: 'replica-1' },
    });
    await lease.release();
    await (await first).release();
  });

  it('names the store as the cause if it does not answer, not only to the first waiter', async () => {
    replica.store.always('acquire', timesOut);
    const failures = [1, 2, 3].map(() =>
      replica.locks.run('b', () => 1, { wait: 600 }).catch((error: unknown) => error),
    );
    await replica.clock.pass(650);

    for (const failure of failures)
      expect(await failure).toMatchObject({
        code: 'LOCK_TIMEOUT',
        holder: undefined,
        cause: { code: 'LOCK_STORE' },
      });
  });

  it('is left by all its waiters at the shutdown', async () => {
    const waits = [1, 2, 3].map((): Promise<Acquired | Skipped> =>
      replica.locks.tryAcquire('a', { wait: true }),
    );
    await settle();

    await replica.locks.close();

    for (const waiting of waits)
      await expect(waiting).resolves.toEqual({ status: 'skipped', reason: 'shutting-down' });
    expect(replica.store.withdrawals).toHaveLength(1);
    expect(replica.store.calls.at(-1)?.operation).toBe('close');
    expect(replica.logger.warnings).toEqual([]);
  });

  it('is visible in events', async () => {
    const events: LockEvent[] = [];
    replica.locks.events.listen((event) => events.push(event));
    const work = new OpenWork();
    const waiting = replica.locks.run('a', () => work.done, { wait: true });
    await replica.clock.pass(700);
    await lease.release();
    await settle();

    expect(events.map(({ type }) => type)).toEqual(['waited', 'acquired', 'started']);
    expect(events[0]).toMatchObject({ waited: 700, granted: true, holder: { replica: 'replica-1' } });
    work.finish();
    await waiting;
  });
});

describe('a lock taken by force', () => {
  it('is free, and its holder finds out at its next renewal', async () => {
    const events: LockEvent[] = [];
    replica.locks.events.listen((event) => events.push(event));

    expect(await replica.locks.forceRelease('a', lease.fencingToken)).toBe(true);

    expect(await replica.store.holderOf('a')).toBeNull();
    expect(events).toEqual([
      { type: 'forced', name: 'a', occurrence: undefined, fencingToken: lease.fencingToken },
    ]);
    expect(replica.logger.warnings).toEqual([
      `The lock "a" was taken from its holder by force (fencing token ${lease.fencingToken}).`,
    ]);
    await replica.clock.pass(TTL / 3);
    expect(lease.held).toBe(false);
    expect(lease.lossError).toMatchObject({ reason: 'vanished' });
  });

  it('does not change if a newer holder has it', async () => {
    await lease.release();
    const newer = await other.acquire('a');

    expect(await replica.locks.forceRelease('a', lease.fencingToken)).toBe(false);

    await newer.release();
    expect(newer.lossError?.reason).toBe('released');
    expect(await replica.locks.forceRelease('a', newer.fencingToken)).toBe(false);
  });

  it.each([0.5, Number.NaN, '7', undefined])(
    'is refused with %p for a fencingToken',
    async (fencingToken) => {
      await expect(replica.locks.forceRelease('a', fencingToken as number)).rejects.toMatchObject({
        code: 'LOCK_CONFIGURATION',
      });
    },
  );
});
