import { jest } from '@jest/globals';
import { LockShuttingDownError } from '../../../lib/common/errors.js';
import { SCHEDULED, type MethodRunOptions } from '../../../lib/core/run-options.js';
import { settle, useRealTime } from './support/manual-clock.js';
import {
  COMMAND_TIMEOUT,
  DRAIN_TIMEOUT,
  OpenWork,
  startReplica,
  TTL,
  type Replica,
} from './support/replica.js';
import { answersAfter, timesOut } from './support/scripted-store.js';

const shuttingDown = { status: 'skipped', reason: 'shutting-down' };
let replica: Replica;

beforeEach(() => {
  replica = startReplica();
});
afterEach(useRealTime);

const tick = () => ({ occurrence: { tick: new Date() } });
const interval = () => ({ occurrence: { gap: 60_000 }, [SCHEDULED]: true });
const startHook = () => ({ occurrence: { key: 'v1' }, [SCHEDULED]: true });
const SCHEDULED_WORK: Record<string, () => MethodRunOptions> = { tick, interval, 'start hook': startHook };
const operations = () => replica.store.calls.map(({ operation }) => operation);

describe('a replica that drains its scheduled work', () => {
  it('refuses scheduled work and nothing else', async () => {
    await replica.locks.drainScheduled();

    for (const options of Object.values(SCHEDULED_WORK))
      await expect(replica.locks.run('a', () => 1, options())).resolves.toEqual(shuttingDown);
    await expect(replica.locks.run('a', () => 1, {})).resolves.toEqual({ status: 'ran', value: 1 });
    await expect(replica.locks.run('a', () => 2, { occurrence: { gap: 1000 } })).resolves.toMatchObject({
      value: 2,
    });
    await expect(replica.locks.inspect('a')).resolves.toBeNull();
  });

  it('ends the wait for a tick that is early', async () => {
    replica.store.wallAhead = -30_000;
    const running = replica.locks.run('a', () => 1, tick());
    await settle();

    await replica.locks.drainScheduled();

    await expect(running).resolves.toEqual(shuttingDown);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ends the wait of a start hook for another replica', async () => {
    await startReplica({}, replica).acquire('a');
    const running = replica.locks.run('a', () => 1, { ...startHook(), wait: 60_000 });
    await settle();

    await replica.locks.drainScheduled();

    await expect(running).resolves.toEqual(shuttingDown);
    expect(operations()).toEqual(['acquire', 'acquire', 'release']);
  });

  it('waits for the scheduled work that runs and keeps its lease, but not for work that was locked by hand', async () => {
    replica = startReplica({ drainTimeout: TTL * 3 }, replica);
    await replica.acquire('by hand');
    const work = new OpenWork();
    const running = replica.locks.run('a', () => work.done, tick());
    await settle();
    const drained = jest.fn();
    const draining = replica.locks.drainScheduled().finally(drained);

    await replica.clock.pass(TTL * 2);
    expect(drained).not.toHaveBeenCalled();
    await expect(replica.store.holderOf('a')).resolves.not.toBeNull();
    work.finish();

    await Promise.all([draining, running]);
    expect(replica.store.callsOf('release').map(({ names }) => names)).toEqual([['a']]);
    expect(replica.logger.warnings).toEqual([]);
  });

  it('logs in one line what it waits for, with a few names at most', async () => {
    const leases = await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => replica.acquire(name, tick())),
    );
    const draining = replica.locks.drainScheduled();
    await settle();
    await Promise.all(leases.map((lease) => lease.release()));
    await draining;

    expect(replica.logger.logs).toEqual([
      'The application is shutting down and waits up to 5.0 s for running work: a, b, c, d, e and 2 more.',
    ]);
  });
});

describe.each(Object.entries(SCHEDULED_WORK))(
  'a question for scheduled work that is under way when that is refused: %s',
  (_kind, options) => {
    it('grants nothing any more: another replica can acquire the lock and claim the run', async () => {
      const other = startReplica({}, replica);
      replica.store.next('acquire', answersAfter(500));
      const work = jest.fn();
      const running = replica.locks.run('a', work, options());
      await settle();

      await replica.locks.drainScheduled();
      await replica.clock.pass(500);

      await expect(running).resolves.toEqual(shuttingDown);
      expect(work).not.toHaveBeenCalled();
      await expect(other.locks.run('a', () => 'ran', options())).resolves.toMatchObject({ value: 'ran' });
    });

    it('replies that the shutdown is the reason, even if the store could not be reached', async () => {
      replica.store.next('acquire', timesOut);
      const running = replica.locks.run('a', () => 1, options());
      await settle();

      await replica.locks.drainScheduled();
      await replica.clock.pass(COMMAND_TIMEOUT);

      await expect(running).resolves.toMatchObject(shuttingDown);
      await expect(replica.store.holderOf('a')).resolves.toBeNull();
    });
  },
);

it('a tick that is granted after the shutdown has begun, which the others found done, is logged in one line', async () => {
  const options = tick();
  const other = startReplica({}, replica);
  replica.store.next('acquire', answersAfter(500));
  const work = jest.fn();
  const running = replica.locks.run('a', work, options);
  await settle();
  const skipped = await other.locks.run('a', work, options);

  await replica.locks.drainScheduled();
  await replica.clock.pass(500);

  await expect(running).resolves.toEqual(shuttingDown);
  expect(skipped).toEqual({ status: 'skipped', reason: 'done' });
  expect(work).not.toHaveBeenCalled();
  expect(replica.logger.warnings).toEqual([
    `"a" (tick ${options.occurrence.tick.toISOString()}) was granted to this replica after the application had begun to shut ` +
      'down, and was released. If the other replicas have asked for it already, no replica runs it.',
  ]);
});

describe('a replica that drains all work', () => {
  it('grants no locks meanwhile, and grants them again afterwards', async () => {
    const lease = await replica.acquire('before');
    const waiting = startReplica({}, replica).locks.run('before', () => 1, { wait: true });
    const drained = jest.fn();
    const draining = replica.locks.drain().finally(drained);
    await settle();
    await expect(replica.locks.run('meanwhile', () => 1, {})).resolves.toEqual(shuttingDown);
    expect(drained).not.toHaveBeenCalled();

    await lease.release();
    await Promise.all([draining, waiting]);
    await expect(replica.locks.run('after', () => 1, {})).resolves.toMatchObject({ status: 'ran' });
    await expect(replica.locks.run('after', () => 1, tick())).resolves.toEqual(shuttingDown);
  });

  it('waits for work whose lock was requested before', async () => {
    replica.store.next('acquire', answersAfter(500));
    const work = new OpenWork();
    const running = replica.locks.run('a', () => work.done, {});
    const drained = jest.fn();
    const draining = replica.locks.drain().finally(drained);
    await replica.clock.pass(1000);
    expect(drained).not.toHaveBeenCalled();

    work.finish();
    await Promise.all([draining, running]);
  });

  it('ends the wait of queued calls', async () => {
    await startReplica({}, replica).acquire('a');
    const waiting = replica.locks.run('a', () => 1, { wait: true });
    await settle();

    await replica.locks.drain();

    await expect(waiting).resolves.toEqual(shuttingDown);
  });
});

describe('the phases of a shutdown', () => {
  it('have one drainTimeout, which counts from the first', async () => {
    const [scheduled, byHand] = [
      await replica.acquire('scheduled', tick()),
      await replica.acquire('by hand'),
    ];
    const first = replica.locks.drainScheduled();
    await replica.clock.pass(DRAIN_TIMEOUT);
    expect([scheduled.aborted, byHand.aborted]).toEqual([true, false]);
    await scheduled.release();
    await first;

    const second = replica.locks.drain();
    await settle();
    expect(byHand.signal.aborted).toBe(true);
    await byHand.release();
    await second;
  });

  it('give up work that ignores its signal once', async () => {
    await replica.acquire('stubborn', tick());
    const first = replica.locks.drainScheduled();
    await replica.clock.pass(DRAIN_TIMEOUT + 1000);
    await first;

    await replica.locks.drain();
    await replica.locks.close();

    expect(replica.logger.warnings).toEqual([
      expect.stringMatching(/still running after drainTimeout/i),
      expect.stringMatching(/did not return/),
    ]);
  });

  it('may run twice', async () => {
    for (let times = 0; times < 2; times++) {
      await replica.locks.drainScheduled();
      await replica.locks.drain();
      await replica.locks.close();
    }
    expect(operations()).toEqual(['close']);
  });
});

describe('the close of an idle replica', () => {
  it('is immediate, closes the store and leaves no timer behind', async () => {
    await replica.locks.run('a', () => 1, {});
    const start = replica.clock.now();

    await replica.locks.close();

    expect(replica.clock.now()).toBe(start);
    expect(operations()).toEqual(['acquire', 'release', 'close']);
    expect(jest.getTimerCount()).toBe(0);
    expect(replica.logger.warnings).toEqual([]);
  });

  it('refuses locks from its beginning', async () => {
    const closed = replica.locks.close();

    await expect(replica.locks.run('a', () => 1, {})).resolves.toEqual(shuttingDown);
    await expect(replica.locks.run('a', () => 1, tick())).resolves.toEqual(shuttingDown);
    await closed;
    expect(operations()).toEqual(['close']);
  });
});

describe('the close of a replica whose work is running', () => {
  it('waits for the work, keeps its lease meanwhile, and closes the store last', async () => {
    replica = startReplica({ drainTimeout: TTL * 3 }, replica);
    const work = new OpenWork<number>();
    const running = replica.locks.run('a', () => work.done, {});
    await settle();

    const closed = jest.fn();
    const closing = replica.locks.close().finally(closed);
    await replica.clock.pass(TTL * 2);
    expect(closed).not.toHaveBeenCalled();
    await expect(replica.store.holderOf('a')).resolves.not.toBeNull();
    work.finish(1);

    await expect(running).resolves.toEqual({ status: 'ran', value: 1 });
    await closing;
    expect(operations().slice(-3)).toEqual(['renew', 'release', 'close']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ends the moment that the last work does', async () => {
    const works = [new OpenWork(), new OpenWork()];
    const running = works.map((work, i) => replica.locks.run(`lock-${i}`, () => work.done, {}));
    await settle();
    const closed = jest.fn();
    const closing = replica.locks.close().finally(closed);

    works[0].finish();
    await settle();
    expect(closed).not.toHaveBeenCalled();
    works[1].finish();
    await settle();

    expect(closed).toHaveBeenCalledTimes(1);
    expect(replica.logger.warnings).toEqual([]);
    await Promise.all([closing, ...running]);
  });

  it('aborts the signal after drainTimeout, while the lock is still held', async () => {
    const lease = await replica.acquire('a');
    const { signal } = lease;
    const closing = replica.locks.close();

    await replica.clock.pass(DRAIN_TIMEOUT - 1);
    expect(signal.aborted).toBe(false);
    await replica.clock.pass(1);

    expect(signal.reason).toBeInstanceOf(LockShuttingDownError);
    expect(lease.held).toBe(true);
    expect(replica.logger.warnings).toEqual([
      expect.stringMatching(/still running after drainTimeout.*: a\./i),
    ]);
    await lease.release();
    await closing;
    expect(operations().slice(-2)).toEqual(['release', 'close']);
  });

  it('also shows the abort to work that first reads its signal then', async () => {
    const lease = await replica.acquire('a');
    const closing = replica.locks.close();
    await replica.clock.pass(DRAIN_TIMEOUT);

    expect(lease.signal.reason).toBeInstanceOf(LockShuttingDownError);
    await lease.release();
    await closing;
  });

  it('gives up work that ignores its signal, and names it', async () => {
    await replica.acquire('stubborn');

    const closing = replica.locks.close();
    await replica.clock.pass(DRAIN_TIMEOUT + 1000);
    await closing;

    expect(replica.logger.warnings).toHaveLength(2);
    expect(replica.logger.warnings[1]).toContain('stubborn');
    expect(operations().at(-1)).toBe('close');
  });

  it('leaves neither renewals nor timers behind for work that it gave up', async () => {
    await replica.acquire('stubborn');

    const closing = replica.locks.close();
    await replica.clock.pass(DRAIN_TIMEOUT + 1000);
    await closing;
    await replica.clock.pass(TTL * 3);

    expect(operations().at(-1)).toBe('close');
    expect(jest.getTimerCount()).toBe(0);
  });
});
