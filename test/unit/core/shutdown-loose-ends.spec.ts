import { jest } from '@jest/globals';
import { LockShuttingDownError } from '../../../lib/common/errors.js';
import type { Lease } from '../../../lib/core/lease.js';
import { timersLeft, useRealTime } from './support/manual-clock.js';
import { COMMAND_TIMEOUT, OpenWork, startReplica, TTL, type Replica } from './support/replica.js';
import { answersAfter, fails, hangs, timesOut } from './support/scripted-store.js';

let replica: Replica;

beforeEach(() => {
  replica = startReplica();
});
afterEach(useRealTime);

const operations = () => replica.store.calls.map(({ operation }) => operation);

describe('a grant that was under way when the shutdown began', () => {
  it('still runs and is waited for', async () => {
    replica.store.next('acquire', answersAfter(500));
    const work = new OpenWork<string>();
    let lease: Lease | undefined;
    const running = replica.locks.run('a', (granted) => ((lease = granted), work.done), {});

    const closed = jest.fn();
    const closing = replica.locks.close().finally(closed);
    await replica.clock.pass(1000);
    expect(lease?.held).toBe(true);
    expect(closed).not.toHaveBeenCalled();
    work.finish('ran');

    await expect(running).resolves.toEqual({ status: 'ran', value: 'ran' });
    await closing;
    expect(operations()).toEqual(['acquire', 'release', 'close']);
  });

  it('has an aborted signal if it comes after drainTimeout', async () => {
    replica = startReplica({ drainTimeout: 0 }, replica);
    replica.store.next('acquire', answersAfter(500));
    let signal: AbortSignal | undefined;
    const running = replica.locks.run('a', (lease) => void (signal = lease.signal), {});

    const closing = replica.locks.close();
    await replica.clock.pass(500);
    await Promise.all([running, closing]);

    expect(signal?.reason).toBeInstanceOf(LockShuttingDownError);
  });

  it('is not renewed if it comes after the store was closed', async () => {
    replica = startReplica({ drainTimeout: 0 }, replica);
    replica.store.next('acquire', answersAfter(1500));
    const running = replica.locks.run('a', () => replica.clock.pass(TTL * 2), {});

    const closing = replica.locks.close();
    await replica.clock.pass(1000);
    await closing;
    await replica.clock.pass(500);
    await running;

    expect(operations()).toEqual(['acquire', 'close']);
    expect(await timersLeft()).toBe(0);
  });

  it('does not delay the shutdown if it turns out to be a refusal', async () => {
    await startReplica({}, replica).acquire('a');
    replica.store.next('acquire', answersAfter(500));
    const running = replica.locks.run('a', () => 1, {});

    const closing = replica.locks.close();
    await replica.clock.pass(500);

    await expect(running).resolves.toMatchObject({ reason: 'busy' });
    await closing;
    expect(replica.clock.now()).toBe(500);
  });

  it('is released as void before the store closes if its reply never comes', async () => {
    replica.store.next('acquire', timesOut);
    const running = replica.locks.run('a', () => 1, {});

    const closing = replica.locks.close();
    await replica.clock.pass(COMMAND_TIMEOUT);

    await expect(running).resolves.toMatchObject({ reason: 'store-unavailable' });
    await closing;
    expect(operations()).toEqual(['acquire', 'release', 'close']);
  });
});

describe('a store that throws when a waiter unsubscribes', () => {
  it('does not cost the waiter the lock that was granted', async () => {
    jest.spyOn(replica.store.queue, 'watch').mockReturnValue(() => {
      throw new Error('not subscribed');
    });

    const outcome = await replica.locks.run('a', () => 1, { wait: true });

    expect(outcome).toEqual({ status: 'ran', value: 1 });
    await replica.locks.close();
  });
});

describe('a lock that cannot be released', () => {
  it('delays the close by one commandTimeout, and is named in one line', async () => {
    replica.store.next('acquire', fails({ mayHaveRun: true }));
    replica.store.always('release', hangs);
    await replica.locks.run('a', () => 1, {});

    const closed = jest.fn();
    const closing = replica.locks.close().finally(closed);
    await replica.clock.pass(COMMAND_TIMEOUT - 1);
    expect(closed).not.toHaveBeenCalled();
    await replica.clock.pass(1);
    await closing;

    expect(replica.logger.warnings).toEqual([expect.stringContaining('"a"')]);
  });

  it('is not released again after the close', async () => {
    replica.store.next('acquire', fails({ mayHaveRun: true }));
    replica.store.always('release', fails({ mayHaveRun: true }));
    await replica.locks.run('a', () => 1, {});

    const closing = replica.locks.close();
    await replica.clock.pass(COMMAND_TIMEOUT);
    await closing;
    await replica.clock.pass(60_000);

    expect(operations().at(-1)).toBe('close');
    expect(jest.getTimerCount()).toBe(0);
  });
});
