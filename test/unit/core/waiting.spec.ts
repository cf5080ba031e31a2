import { jest } from '@jest/globals';
import { LockConfigurationError, LockTimeoutError } from '../../../lib/common/errors.js';
import { settle, useRealTime } from './support/manual-clock.js';
import { COMMAND_TIMEOUT, OpenWork, startReplica, TTL, type Replica } from './support/replica.js';
import { fails, hangs, timesOut } from './support/scripted-store.js';

let replica: Replica;
let other: Replica;

beforeEach(() => {
  replica = startReplica();
  other = startReplica({}, replica);
});
afterEach(useRealTime);

const asks = () => replica.store.callsOf('acquire').length;

describe('a run that waits', () => {
  it('gets the lock soon after its release', async () => {
    const lease = await other.acquire('a');
    const running = replica.locks.run('a', () => 'mine', { wait: TTL });
    await replica.clock.pass(1000);

    await lease.release();
    await replica.clock.pass(200);

    await expect(running).resolves.toEqual({ status: 'ran', value: 'mine' });
  });

  it('gets the lock as soon as the TTL of its dead holder has passed', async () => {
    await replica.store.steal('a');
    const running = replica.locks.run('a', () => replica.clock.now(), { wait: true });

    await replica.clock.pass(60_100);

    const outcome = await running;
    expect(outcome).toMatchObject({ status: 'ran' });
    expect(outcome.status === 'ran' && outcome.value).toBeLessThanOrEqual(60_002);
  });

  it('rejects with a LockTimeoutError that names the holder when the time is over', async () => {
    await other.acquire('a');
    const failure = replica.locks.run('a', () => 1, { wait: 3000 }).catch((error: unknown) => error);
    await replica.clock.pass(2999);
    const before = asks();
    await replica.clock.pass(1);

    const error = await failure;
    expect(error).toBeInstanceOf(LockTimeoutError);
    expect(error).toMatchObject({ code: 'LOCK_TIMEOUT', holder: { replica: 'replica-1' } });
    expect((error as Error).message).toBe(
      'The lock "a" could not be acquired within 3000 ms: replica-1 holds it.',
    );
    expect(asks()).toBe(before);
    expect(jest.getTimerCount()).toBe(1); // the keeper of the other's lease
  });

  it('continues to wait while the store is away, and finds the grant of an unanswered request', async () => {
    replica.store.next('acquire', fails({ mayHaveRun: false }), timesOut);
    const running = replica.locks.run('a', () => 1, { wait: true });

    await replica.clock.pass(COMMAND_TIMEOUT + 2000);

    await expect(running).resolves.toMatchObject({ status: 'ran' });
    const owners = replica.store.callsOf('acquire').map(({ owners: [owner] }) => owner);
    expect(owners).toHaveLength(3);
    expect(new Set(owners).size).toBe(1);
  });

  it('names the outage of the store when the time is over', async () => {
    replica.store.always('acquire', fails({ mayHaveRun: false }));
    const failure = replica.locks.run('a', () => 1, { wait: 1000 }).catch((error: unknown) => error);
    await replica.clock.pass(1000);

    expect(await failure).toMatchObject({
      code: 'LOCK_TIMEOUT',
      holder: undefined,
      cause: { code: 'LOCK_STORE' },
    });
  });

  it('ends as done if another replica has run the occurrence meanwhile', async () => {
    const occurrence = { key: 'v1' };
    const work = new OpenWork();
    const first = other.locks.run('a', () => work.done, { occurrence });
    await settle();
    const second = jest.fn();
    const waiting = replica.locks.run('a', second, { occurrence, wait: true });
    await replica.clock.pass(1000);

    work.finish();
    await replica.clock.pass(200);

    await expect(first).resolves.toMatchObject({ status: 'ran' });
    await expect(waiting).resolves.toEqual({ status: 'skipped', reason: 'done' });
    expect(second).not.toHaveBeenCalled();
  });

  it('runs the occurrence if the other replica has failed', async () => {
    const occurrence = { key: 'v1' };
    const work = new OpenWork();
    const first = other.locks
      .run('a', () => work.done, { occurrence })
      .catch((error: Error) => error.message);
    await settle();
    const waiting = replica.locks.run('a', () => 'mine', { occurrence, wait: true });
    await settle();

    work.fail(new Error('no such table'));
    await replica.clock.pass(200);

    await expect(first).resolves.toBe('no such table');
    await expect(waiting).resolves.toEqual({ status: 'ran', value: 'mine' });
  });

  it('ends as soon as the application shuts down', async () => {
    await other.acquire('a');
    const waiting = replica.locks.run('a', () => 1, { wait: true });
    await settle();

    const closed = replica.locks.close();

    await expect(waiting).resolves.toEqual({ status: 'skipped', reason: 'shutting-down' });
    await closed;
  });

  it.each([-1, Number.NaN, 2 ** 31, '5', null])('refuses %p as the time to wait', async (wait) => {
    await expect(replica.locks.run('a', () => 1, { wait: wait as number })).rejects.toThrow(
      LockConfigurationError,
    );
  });
});

describe('a tick that is rerun if its holder dies', () => {
  const tick = new Date(0);
  const rerun = { occurrence: { tick, onHolderDeath: 'rerun' } } as const;

  it('makes other replicas stand by, and skip it as done when its holder has completed it', async () => {
    const work = new OpenWork();
    const first = other.locks.run('a', () => work.done, rerun);
    await settle();
    const second = replica.locks.run('a', () => 'again', rerun);
    await replica.clock.pass(3 * TTL);

    work.finish();
    await replica.clock.pass(200);

    await expect(first).resolves.toMatchObject({ status: 'ran' });
    await expect(second).resolves.toEqual({ status: 'skipped', reason: 'done' });
  });

  it('is not rerun if the work has failed', async () => {
    const work = new OpenWork();
    const first = other.locks.run('a', () => work.done, rerun).catch(() => undefined);
    await settle();
    const second = replica.locks.run('a', () => 'again', rerun);
    await settle();

    work.fail(new Error('no'));
    await first;
    await replica.clock.pass(200);

    await expect(second).resolves.toEqual({ status: 'skipped', reason: 'done' });
  });

  it('is rerun if its holder has died, even if the store was away in between', async () => {
    const work = new OpenWork();
    void other.locks.run('a', () => work.done, rerun);
    await settle();
    const again = replica.locks.run('a', () => replica.clock.now(), rerun);
    await settle();
    replica.store.always('renew', hangs);
    replica.store.next('acquire', fails({ mayHaveRun: false }));
    await replica.clock.pass(TTL + 1000);

    const outcome = await again;
    expect(outcome.status === 'ran' && outcome.value).toBeLessThanOrEqual(TTL + 1000);
    work.finish();
  });

  it('is rerun if the shutdown of its holder has stopped it', async () => {
    const first = other.locks.run(
      'a',
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))),
      rerun,
    );
    const stopped = first.catch((error: Error) => error.message);
    await settle();
    const again = replica.locks.run('a', () => 'again', rerun);
    await settle();

    void other.locks.close();
    await replica.clock.pass(10_000);

    await expect(stopped).resolves.toBe('stopped');
    await expect(again).resolves.toEqual({ status: 'ran', value: 'again' });
  });

  it('does not wait for a lock that is held for something else', async () => {
    await other.acquire('a', { occurrence: { tick: new Date(-1000) } });

    await expect(replica.locks.run('a', () => 1, rerun)).resolves.toMatchObject({ reason: 'busy' });
  });

  it('is skipped like any other if the store does not answer from the beginning', async () => {
    replica.store.always('acquire', fails({ mayHaveRun: false }));

    await expect(replica.locks.run('a', () => 1, rerun)).resolves.toMatchObject({
      reason: 'store-unavailable',
    });
  });
});
