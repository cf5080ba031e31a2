import { jest } from '@jest/globals';
import { LockShuttingDownError } from '../../../lib/common/errors.js';
import { settle, useRealTime } from './support/manual-clock.js';
import { DRAIN_TIMEOUT, OpenWork, startReplica, TTL, type Replica } from './support/replica.js';

const shuttingDown = { status: 'skipped', reason: 'shutting-down' };
let replica: Replica;

beforeEach(() => {
  replica = startReplica();
});
afterEach(useRealTime);

const tick = () => ({ occurrence: { tick: new Date() } });
const operations = () => replica.store.calls.map(({ operation }) => operation);

describe('refuseTicks', () => {
  it('refuses ticks and nothing else', async () => {
    replica.locks.refuseTicks();

    await expect(replica.locks.run('a', () => 1, tick())).resolves.toEqual(shuttingDown);
    await expect(replica.locks.run('a', () => 1, {})).resolves.toEqual({ status: 'ran', value: 1 });
    await expect(replica.locks.inspect('a')).resolves.toBeNull();
  });

  it('ends the wait for a tick that is early', async () => {
    replica.store.wallAhead = -30_000;
    const running = replica.locks.run('a', () => 1, tick());
    await settle();

    replica.locks.refuseTicks();

    await expect(running).resolves.toEqual(shuttingDown);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leaves running work alone', async () => {
    const lease = await replica.acquire('a', tick());
    const { signal } = lease;

    replica.locks.refuseTicks();
    await replica.clock.pass(TTL * 2);

    expect(lease.held).toBe(true);
    expect(signal.aborted).toBe(false);
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

  it('refuses locks from its beginning on', async () => {
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

  it('shows the abort also to work that asks for its signal only then', async () => {
    const lease = await replica.acquire('a');
    const closing = replica.locks.close();
    await replica.clock.pass(DRAIN_TIMEOUT);

    expect(lease.signal.reason).toBeInstanceOf(LockShuttingDownError);
    await lease.release();
    await closing;
  });

  it('gives up on work that ignores its signal, and says which', async () => {
    await replica.acquire('stubborn');

    const closing = replica.locks.close();
    await replica.clock.pass(DRAIN_TIMEOUT + 1000);
    await closing;

    expect(replica.logger.warnings).toHaveLength(2);
    expect(replica.logger.warnings[1]).toContain('stubborn');
    expect(operations().at(-1)).toBe('close');
  });

  it('leaves neither renewals nor timers behind for work that it gave up on', async () => {
    await replica.acquire('stubborn');

    const closing = replica.locks.close();
    await replica.clock.pass(DRAIN_TIMEOUT + 1000);
    await closing;
    await replica.clock.pass(TTL * 3);

    expect(operations().at(-1)).toBe('close');
    expect(jest.getTimerCount()).toBe(0);
  });
});
