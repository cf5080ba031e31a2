import type { LockEvent } from '../../../lib/core/lock-events.js';
import type { RunOptions } from '../../../lib/core/run-options.js';
import { timeLeft } from '../../../lib/core/wait-policy.js';
import { settle, timersLeft, useRealTime } from './support/manual-clock.js';
import { COMMAND_TIMEOUT, startReplica, type Replica } from './support/replica.js';
import { answersAfter, fails, timesOut } from './support/scripted-store.js';

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

/** What the call comes to: its outcome or its error. */
const failureOf = (running: Promise<unknown>) => running.catch((error: unknown) => error);
const runs = (options: RunOptions) => failureOf(replica.locks.run('a', () => 'ran', options));

describe('a wait while the store answers slowly', () => {
  it('ends in time, names the holder, and is not an outage', async () => {
    const lease = await other.acquire('a');
    replica.store.always('acquire', answersAfter(30));
    const failure = runs({ wait: 500 });
    await replica.clock.pass(500);

    expect(await failure).toMatchObject({
      code: 'LOCK_TIMEOUT',
      holder: { replica: 'replica-1' },
      cause: undefined,
    });
    await replica.clock.pass(30);
    expect(replica.logger.errors).toEqual([]);
    expect(replica.store.withdrawals).toHaveLength(1);
    await lease.release();
    expect(await timersLeft()).toBe(0);
  });

  it.each([0, 1, 2])(
    'names the holder for a call that comes %s ms later in the same process as well',
    async (later) => {
      await other.acquire('a');
      replica.store.always('acquire', answersAfter(3));
      const first = runs({ wait: 1000 });
      await replica.clock.pass(later);
      const second = runs({ wait: 1000 });
      await replica.clock.pass(1000);

      for (const failure of [first, second])
        expect(await failure).toMatchObject({ holder: { replica: 'replica-1' }, cause: undefined });
    },
  );

  it('names the outage that has begun meanwhile, for all calls of a process', async () => {
    await other.acquire('a');
    const failures = [3000, 3001].map((wait) => runs({ wait }));
    await settle();
    replica.store.always('acquire', fails({ mayHaveRun: false }));
    await replica.clock.pass(3000);

    for (const failure of failures)
      expect(await failure).toMatchObject({
        holder: { replica: 'replica-1' },
        cause: { message: 'it is broken' },
      });
  });

  it('ends in time behind a first request that is answered by then', async () => {
    await other.acquire('a');
    replica.store.always('acquire', answersAfter(10));
    const controller = new AbortController();
    const first = runs({ wait: true, signal: controller.signal });
    const second = runs({ wait: 20 });
    await replica.clock.pass(20);

    expect(await second).toMatchObject({ code: 'LOCK_TIMEOUT', holder: { replica: 'replica-1' } });
    controller.abort();
    await first;
  });

  it('gets a free lock even if the reply takes longer than the wait', async () => {
    replica.store.always('acquire', answersAfter(30));
    const running = runs({ wait: 5 });
    await replica.clock.pass(30);

    expect(await running).toEqual({ status: 'ran', value: 'ran' });
  });

  it('ends 250 ms after the first request at the latest, for all calls of a process, and leaves no lock', async () => {
    replica.store.always('acquire', answersAfter(1000));
    const failures = [1, 2, 3].map(() => runs({ wait: 5 }));
    await replica.clock.pass(250);

    for (const failure of failures)
      expect(await failure).toMatchObject({ code: 'LOCK_TIMEOUT', cause: { code: 'LOCK_STORE' } });
    await replica.clock.pass(1000);
    expect(await replica.store.holderOf('a')).toBeNull();
    expect(events.map(({ type }) => type)).toEqual(['waited', 'waited', 'waited']);
  });

  it('names the last known holder if the last request is not answered', async () => {
    await other.acquire('a');
    replica.store.next('acquire', answersAfter(0), timesOut);
    const failure = runs({ wait: 2500 });
    await replica.clock.pass(2500);

    expect(await failure).toMatchObject({ holder: { replica: 'replica-1' }, cause: undefined });
    expect(replica.logger.errors).toEqual([]);
  });
});

describe('the end of a wait', () => {
  it('comes even if a timer fires a little early: the store is not asked again', () => {
    const limits = { since: 0, wait: 1000, retryUntil: undefined, standsBy: false };
    const seen = { holder: { replica: 'replica-1' } };
    expect(timeLeft(limits, seen, 0)).toBe(1000);

    expect(timeLeft(limits, seen, 999.1)).toBe(0);
  });
});

describe('a caller that gives up while a request is under way', () => {
  const gone = new Error('gone');

  it.each<[string, RunOptions]>([
    ['a lock', {}],
    ['a lock that it waits for', { wait: true }],
    ['a tick', { occurrence: { tick: new Date(0) } }],
    ['a gap', { occurrence: { gap: 60_000 } }],
  ])(
    'is answered at once, and %s is left for others as if it had never been requested',
    async (_, options) => {
      const controller = new AbortController();
      replica.store.next('acquire', answersAfter(1000));
      const failure = runs({ ...options, signal: controller.signal });
      await replica.clock.pass(500);

      controller.abort(gone);

      expect(await failure).toBe(gone);
      await replica.clock.pass(500);
      expect(await replica.store.holderOf('a')).toBeNull();
      expect(events).toEqual([]);
      expect(await timersLeft()).toBe(0);
      await expect(other.locks.run('a', () => 'mine', { ...options, wait: 0 })).resolves.toMatchObject({
        status: 'ran',
      });
    },
  );

  it('does not tell the calls behind it the reply that it did not wait for', async () => {
    await other.acquire('a');
    replica.store.next('acquire', timesOut);
    const controller = new AbortController();
    const first = runs({ wait: true, signal: controller.signal });
    const second = runs({ wait: 10_000 });
    const third = runs({ wait: COMMAND_TIMEOUT + 100 });
    await replica.clock.pass(500);
    controller.abort(gone);
    await first;
    await replica.clock.pass(COMMAND_TIMEOUT - 400);

    expect(await third).toMatchObject({ holder: { replica: 'replica-1' }, cause: undefined });
    await replica.clock.pass(10_000);
    await second;
  });

  it('reports no loss if another owner got its lock before the release', async () => {
    replica.store.next('acquire', answersAfter(1000));
    const controller = new AbortController();
    const failure = runs({ signal: controller.signal });
    await replica.clock.pass(500);
    controller.abort(gone);
    await failure;
    await replica.store.steal('a');
    await replica.clock.pass(500);

    expect([events, replica.logger.warnings]).toEqual([[], []]);
  });

  it('delays a shutdown until the reply, and its lock is released before the store closes', async () => {
    const controller = new AbortController();
    replica.store.next('acquire', answersAfter(COMMAND_TIMEOUT / 2));
    const failure = runs({ signal: controller.signal });
    await settle();
    controller.abort(gone);
    expect(await failure).toBe(gone);

    const closed = replica.locks.close();
    await replica.clock.pass(COMMAND_TIMEOUT);
    await closed;

    expect(replica.store.calls.map(({ operation }) => operation)).toEqual(['acquire', 'release', 'close']);
    expect(replica.logger.warnings).toEqual([]);
  });
});
