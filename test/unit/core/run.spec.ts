import { jest } from '@jest/globals';
import { LockConfigurationError, LockLostError } from '../../../lib/common/errors.js';
import { settle, timersLeft, useRealTime } from './support/manual-clock.js';
import { OpenWork, RENEW_EVERY, startReplica, TTL, type Replica } from './support/replica.js';
import { answers, fails, hangs } from './support/scripted-store.js';

let replica: Replica;
let other: Replica;

beforeEach(() => {
  replica = startReplica();
  other = startReplica({}, replica);
});
afterEach(useRealTime);

describe('run', () => {
  it('runs the work under the lock, returns its value, and releases the lock', async () => {
    const outcome = await replica.locks.run('a', async (lease) => `${lease.name} ${lease.held}`, {});

    expect(outcome).toEqual({ status: 'ran', value: 'a true' });
    await expect(replica.store.holderOf('a')).resolves.toBeNull();
  });

  it('refuses work that is not a function before it acquires the lock', async () => {
    const occurrence = { gap: 60_000 };
    const wrong = replica.locks.run('a', undefined as never, { occurrence });

    await expect(wrong).rejects.toMatchObject({ code: 'LOCK_CONFIGURATION' });
    await expect(wrong).rejects.toThrow('work must be a function; got work = undefined.');
    await expect(replica.locks.run('a', () => 1, { occurrence })).resolves.toMatchObject({ status: 'ran' });
  });

  it('sends two requests for short work, and leaves no timer behind', async () => {
    await replica.locks.run('a', () => 1, {});

    expect(replica.store.calls.map(({ operation }) => operation)).toEqual(['acquire', 'release']);
    expect(await timersLeft()).toBe(0);
  });

  it('keeps the lock for as long as the work takes', async () => {
    const work = new OpenWork<string>();
    const running = replica.locks.run('a', () => work.done, {});

    await replica.clock.pass(TTL * 5);
    const meanwhile = await other.locks.run('a', () => 'too', {});
    work.finish('done');

    expect(meanwhile).toMatchObject({ status: 'skipped', reason: 'busy' });
    await expect(running).resolves.toEqual({ status: 'ran', value: 'done' });
  });

  it('skips as busy, with the holder and the remaining time, in one call of the store', async () => {
    const since = new Date();
    await other.acquire('a', { contents: { job: 7 } });
    await replica.clock.pass(100);
    replica.store.calls.length = 0;
    const work = jest.fn();

    const outcome = await replica.locks.run('a', work, {});

    const holder = {
      replica: 'replica-1',
      host: expect.any(String),
      pid: process.pid,
      since,
      contents: { job: 7 },
    };
    expect(outcome).toEqual({ status: 'skipped', reason: 'busy', holder, remaining: TTL - 100 });
    expect(work).not.toHaveBeenCalled();
    expect(replica.store.calls).toHaveLength(1);
  });

  it('refuses a bad name, bad times and contents that are not JSON without a request to the store', async () => {
    const run = (name: string, options: object) => replica.locks.run(name, () => 1, options);

    await expect(run('', {})).rejects.toThrow(LockConfigurationError);
    await expect(run('a', { ttl: 1 })).rejects.toThrow(LockConfigurationError);
    await expect(run('a', { contents: 1n })).rejects.toThrow(LockConfigurationError);
    await expect(run('a', { occurrence: { tick: new Date(Number.NaN) } })).rejects.toThrow(
      LockConfigurationError,
    );
    expect(replica.store.calls).toEqual([]);
  });
});

describe('two runs of one lock', () => {
  it('exclude each other in one process if they are independent', async () => {
    const work = new OpenWork();
    const first = replica.locks.run('a', () => work.done, {});
    await settle();

    const second = await replica.locks.run('a', () => 1, {});
    work.finish();
    await first;

    expect(second).toMatchObject({ status: 'skipped', reason: 'busy' });
  });

  it('never share an owner, in one process or in two', async () => {
    for (const { locks } of [replica, other, replica, other]) await locks.run('a', () => 1, {});
    await replica.locks.run('b', () => 1, {});

    const owners = replica.store.callsOf('acquire').flatMap((call) => call.owners);
    expect(new Set(owners).size).toBe(5);
  });

  it('get fencing tokens that grow', async () => {
    const fencingTokens: number[] = [];
    for (let i = 0; i < 3; i++)
      await replica.locks.run('a', ({ fencingToken }) => fencingTokens.push(fencingToken), {});

    expect(fencingTokens.toSorted((a, b) => a - b)).toEqual(fencingTokens);
    expect(new Set(fencingTokens).size).toBe(3);
  });
});

describe("the work's own error", () => {
  const error = new Error('the work failed');
  const bySyncThrow = (): never => {
    throw error;
  };
  const byRejection = async (): Promise<never> => {
    throw error;
  };

  it.each([
    ['thrown at once', bySyncThrow],
    ['a rejection', byRejection],
  ])('reaches the caller, and the lock is released: %s', async (_, work) => {
    await expect(replica.locks.run('a', work, {})).rejects.toBe(error);

    await expect(replica.store.holderOf('a')).resolves.toBeNull();
    expect(await timersLeft()).toBe(0);
  });

  it.each([
    ['fails', fails({ mayHaveRun: true })],
    ['hangs', hangs],
    ['finds the lock taken', answers('taken' as const)],
    ['finds the lock vanished', answers('vanished' as const)],
  ])('takes precedence over a release that %s', async (_, behaviour) => {
    for (const work of [bySyncThrow, byRejection]) {
      replica.store.next('release', behaviour);
      const running = expect(replica.locks.run(`a ${work.name}`, work, {})).rejects.toBe(error);
      await replica.clock.pass(1000);
      await running;
    }
  });

  it('takes precedence over the loss of the lease', async () => {
    const work = new OpenWork();
    const running = replica.locks.run('a', () => work.done, {});
    await replica.store.steal('a');
    await replica.clock.pass(RENEW_EVERY);

    work.fail(error);

    await expect(running).rejects.toBe(error);
  });
});

describe('a lease that is lost during run', () => {
  it('aborts the signal, and the outcome has the value, the error and the reason', async () => {
    const work = new OpenWork<number>();
    let signal: AbortSignal | undefined;
    const running = replica.locks.run('a', (lease) => ((signal = lease.signal), work.done), {});
    await settle();
    await replica.store.steal('a');

    await replica.clock.pass(RENEW_EVERY);
    expect(signal?.reason).toBeInstanceOf(LockLostError);
    work.finish(42);

    const outcome = await running;
    expect(outcome).toMatchObject({
      status: 'lost',
      value: 42,
      error: { code: 'LOCK_LOST', reason: 'taken' },
    });
    expect((await replica.store.holderOf('a'))?.owner).toBe('thief');
  });

  it('is reported if nobody noticed it before the work ended', async () => {
    const outcome = await replica.locks.run('a', () => replica.clock.standStill(TTL + 1), {});

    expect(outcome).toMatchObject({ status: 'lost', error: { reason: 'expired' } });
  });

  it('is reported if only the release finds it', async () => {
    const outcome = await replica.locks.run('a', () => replica.store.steal('a'), {});

    expect(outcome).toMatchObject({ status: 'lost', error: { reason: 'taken' } });
  });

  it('is not reported for a release inside the work', async () => {
    const outcome = await replica.locks.run('a', async (lease) => (await lease.release(), 'early out'), {});

    expect(outcome).toEqual({ status: 'ran', value: 'early out' });
    expect(replica.store.callsOf('release')).toHaveLength(1);
  });
});
