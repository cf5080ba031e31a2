import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { LockStoreError } from '../../../lib/common/errors.js';
import type { LockEvent } from '../../../lib/core/lock-events.js';
import { settle, useRealTime } from './support/manual-clock.js';
import { LEASE, OpenWork, RENEW_EVERY, startReplica, TTL, type Replica } from './support/replica.js';
import { fails, hangs, timesOut } from './support/scripted-store.js';

let replica: Replica;
let other: Replica;
let events: LockEvent[];

beforeEach(() => {
  replica = startReplica();
  other = startReplica({}, replica);
  events = [];
  replica.locks.events.listen((event) => events.push(event));
});
afterEach(useRealTime);

const typesOf = (list: readonly LockEvent[]) => list.map(({ type }) => type);

describe('the events of a lock', () => {
  it('report a run from its grant to its release, with the fencing token, the tick and how late it was', async () => {
    const occurrence = { tick: new Date(Date.now() - 1500), job: 'nightly' };
    const work = new OpenWork();
    const running = replica.locks.run('a', () => work.done, { occurrence });
    await replica.clock.pass(RENEW_EVERY + 100);
    work.finish();
    await running;

    const about = {
      name: 'a',
      fencingToken: expect.any(Number),
      occurrence: `tick ${occurrence.tick.toISOString()} of nightly`,
      job: 'nightly',
    };
    const run = { tick: occurrence.tick, missed: false, byHand: false, late: 1500 };
    expect(events).toEqual([
      { type: 'acquired', ...about, waited: 0, late: 1500 },
      { type: 'started', ...about, ...run },
      { type: 'renewed', ...about, remaining: LEASE },
      { type: 'released', ...about, held: RENEW_EVERY + 100 },
      { type: 'finished', ...about, ...run, outcome: 'succeeded', duration: RENEW_EVERY + 100 },
    ]);
  });

  it('show the reason for a skip, and the holder of the lock', async () => {
    const occurrence = { tick: new Date() };
    await other.locks.run('a', () => 1, { occurrence });
    await replica.locks.run('a', () => 1, { occurrence });
    await other.acquire('a');
    await replica.locks.run('a', () => 1, {});
    await replica.locks.run('a', () => 1, { occurrence: { tick: new Date(Date.now() + 120_000) } });
    replica.store.next('acquire', fails({ mayHaveRun: false }));
    await replica.locks.run('a', () => 1, {});
    void replica.locks.drainScheduled();
    await replica.locks.run('a', () => 1, { occurrence });

    expect(events.map((event) => event.type === 'skipped' && event.reason)).toEqual([
      'done',
      'busy',
      'early',
      'store-unavailable',
      'shutting-down',
    ]);
    expect(events[1]).toMatchObject({ holder: { replica: 'replica-1' }, error: undefined });
    expect(events[3]).toMatchObject({ holder: undefined, error: { code: 'LOCK_STORE' } });
  });

  it('show how long a call waited', async () => {
    const lease = await other.acquire('a');
    const running = replica.locks.run('a', () => 1, { wait: true });
    await replica.clock.pass(950);
    await lease.release();
    await replica.clock.pass(100);
    await running;

    expect(events.find(({ type }) => type === 'acquired')).toMatchObject({ waited: 950 });
  });

  it('report a wait even if the first reply comes when the time is over', async () => {
    replica.store.always('acquire', timesOut);
    const running = replica.locks.run('a', () => 1, { wait: 100 });
    const over = expect(running).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    await replica.clock.pass(300);
    await over;

    expect(events).toEqual([expect.objectContaining({ type: 'waited', name: 'a', granted: false })]);
  });

  it('report failed renewals and the loss that follows', async () => {
    await replica.acquire('a');
    replica.store.always('renew', hangs);
    await replica.clock.pass(TTL);
    expect(events.at(-1)).toMatchObject({
      type: 'lost',
      error: { reason: 'store-unavailable' },
      held: LEASE,
    });

    replica.store.always('renew', fails({ mayHaveRun: true }));
    await replica.acquire('b');
    await replica.clock.pass(TTL);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'renewalFailed', name: 'b', error: expect.any(LockStoreError) }),
    );
  });

  it('report lost, not released, if the release finds another holder', async () => {
    const lease = await replica.acquire('a');
    await replica.store.steal('a');
    await lease.release();

    expect(typesOf(events)).toEqual(['acquired', 'lost']);
  });

  it('reach each subscriber once, even one that subscribes again at each event', async () => {
    let told = 0;
    const listen = (): void => {
      const end = replica.locks.events.listen(() => {
        told++;
        end();
        if (told < 100) listen();
      });
    };
    listen();

    await replica.acquire('a');

    expect(told).toBe(1);
  });

  it('are also published on node:diagnostics_channel, whether anybody else listens or not', async () => {
    const published: unknown[] = [];
    const onMessage = (message: unknown): unknown => published.push(message);
    subscribe('nestjs-exclusive-lock', onMessage);
    await other.locks.run('a', () => 1, {});
    await settle();
    unsubscribe('nestjs-exclusive-lock', onMessage);
    await other.locks.run('a', () => 1, {});

    expect(typesOf(published as LockEvent[])).toEqual(['acquired', 'started', 'released', 'finished']);
    expect(events).toEqual([]);
  });

  it('are published on a channel for each type as well', async () => {
    const published: unknown[] = [];
    const onMessage = (message: unknown): unknown => published.push(message);
    subscribe('nestjs-exclusive-lock:finished', onMessage);
    await other.locks.run('a', () => 1, {});
    unsubscribe('nestjs-exclusive-lock:finished', onMessage);

    expect(typesOf(published as LockEvent[])).toEqual(['finished']);
  });
});
