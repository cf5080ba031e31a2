import { jest } from '@jest/globals';
import { settle, timersLeft, useRealTime } from './support/manual-clock.js';
import { LEASE, RENEW_EVERY, startReplica, TTL, type Replica } from './support/replica.js';
import { answers, answersAfter, carriedOutAfter, fails, hangs, timesOut } from './support/scripted-store.js';

let replica: Replica;

beforeEach(() => {
  replica = startReplica();
});
afterEach(useRealTime);

const broken = fails({ mayHaveRun: true });

describe('a kept lease', () => {
  it('is renewed every renewEvery, and so outlives its TTL', async () => {
    const lease = await replica.acquire('a');

    await replica.clock.pass(TTL * 3);

    expect(lease.held).toBe(true);
    expect(replica.store.callsOf('renew').map(({ at }) => at)).toEqual(
      Array.from({ length: 10 }, (_, i) => RENEW_EVERY * (i + 1)),
    );
    expect((await replica.store.holderOf('a'))?.owner).toBe(lease.owner);
  });

  it('survives failed renewals, which are retried at growing intervals before the deadline', async () => {
    const lease = await replica.acquire('a');
    replica.store.next('renew', broken, broken, broken);

    await replica.clock.pass(TTL * 2);

    expect(lease.held).toBe(true);
    const { warnings, errors, logs } = replica.logger;
    expect([warnings.length, errors.length, logs.length]).toEqual([0, 1, 1]);
    const times = replica.store.callsOf('renew').map(({ at }) => at - RENEW_EVERY);
    expect(times.slice(0, 5)).toEqual([0, 25, 75, 175, 175 + RENEW_EVERY]);
  });

  it.each([1000, 2000, 3000, 4000, 5000, 6000])(
    'survives an outage of %i ms that begins with its renewal and is over before its deadline',
    async (outage) => {
      const lease = await replica.acquire('a', { ttl: TTL });
      await replica.clock.pass(TTL / 3 - 1);

      replica.store.always('renew', broken);
      await replica.clock.pass(outage);
      replica.store.recover('renew');
      await replica.clock.pass(TTL);

      expect(lease.held).toBe(true);
    },
  );

  it('is renewed again in time after a renewal that was never answered', async () => {
    const lease = await replica.acquire('a');
    replica.store.next('renew', timesOut);

    await replica.clock.pass(TTL * 2);

    expect(lease.held).toBe(true);
  });

  it.each([
    ['commandTimeout', TTL, 2000],
    ['its renewEvery', 300, 100],
  ])('waits no longer than %s for the reply to a renewal (TTL %i ms)', async (_, ttl, expected) => {
    await replica.acquire('a', { ttl });

    await replica.clock.pass(ttl / 2);

    expect(replica.store.callsOf('renew')[0].within).toBe(expected);
  });

  it.each(['taken', 'vanished'] as const)('is lost at once when the store says %s', async (reply) => {
    const lease = await replica.acquire('a');
    const { signal } = lease;
    replica.store.next('renew', answers([reply]));

    await replica.clock.pass(RENEW_EVERY);

    expect(lease.held).toBe(false);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: reply });
    expect(replica.logger.warnings).toHaveLength(1);
    expect(await timersLeft()).toBe(0);
  });

  it('is lost as store-unavailable if renewals fail until its deadline', async () => {
    const lease = await replica.acquire('a');
    replica.store.always('renew', broken);

    await replica.clock.pass(LEASE - 10);
    expect(lease.held).toBe(true);
    await replica.clock.pass(10);

    expect(lease.lossError?.reason).toBe('store-unavailable');
    expect(replica.logger.warnings).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is lost as store-unavailable if a renewal hangs until its deadline', async () => {
    const lease = await replica.acquire('a');
    replica.store.always('renew', hangs);

    await replica.clock.pass(LEASE);

    expect(lease.lossError?.reason).toBe('store-unavailable');
  });

  it('has expired if the process stood still, and is no longer renewed', async () => {
    const lease = await replica.acquire('a');

    replica.clock.standStill(TTL);
    await replica.clock.pass(RENEW_EVERY);

    expect(lease.lossError?.reason).toBe('expired');
    expect(replica.store.callsOf('renew')).toEqual([]);
  });

  it('is not restored by a renewal that is confirmed after the loss', async () => {
    const lease = await replica.acquire('a');
    const { signal } = lease;
    replica.store.next('renew', answersAfter(TTL));

    await replica.clock.pass(LEASE);
    const loss = lease.lossError;
    await replica.clock.pass(TTL);

    expect(loss?.reason).toBe('store-unavailable');
    expect([lease.held, lease.remaining]).toEqual([false, 0]);
    expect(lease.lossError).toBe(loss);
    expect(signal.reason).toBe(loss);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is not restored by a renewal that is confirmed after a pause that ended it', async () => {
    const lease = await replica.acquire('a');
    replica.store.next('renew', answersAfter(100));

    await replica.clock.pass(RENEW_EVERY + 50);
    replica.clock.standStill(TTL);
    expect(lease.held).toBe(false);
    await replica.clock.pass(50 + RENEW_EVERY);

    expect(lease.held).toBe(false);
    expect(replica.store.callsOf('renew')).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('the keeper', () => {
  it('renews a thousand leases that were acquired together in one call', async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `lock-${i}`);
    const leases = await Promise.all(names.map((name) => replica.acquire(name)));

    expect(jest.getTimerCount()).toBe(1);
    await replica.clock.pass(RENEW_EVERY);

    const renewals = replica.store.callsOf('renew');
    expect(renewals).toHaveLength(1);
    expect(renewals[0].names.toSorted()).toEqual(names.toSorted());
    expect(leases.every((lease) => lease.remaining === LEASE)).toBe(true);
  });

  it('renews many thousands of leases a thousand at a time', async () => {
    const names = Array.from({ length: 2500 }, (_, i) => `lock-${i}`);
    const leases = await Promise.all(names.map((name) => replica.acquire(name)));
    const renewals = (): (readonly string[])[] => replica.store.callsOf('renew').map((call) => call.names);

    await replica.clock.pass(RENEW_EVERY);
    expect(renewals()).toHaveLength(1);
    await replica.clock.pass(20);

    expect(renewals().map(({ length }) => length)).toEqual([1000, 1000, 500]);
    expect(renewals().flat().toSorted()).toEqual(names.toSorted());
    expect(leases.every((lease) => lease.remaining >= LEASE - 20)).toBe(true);
  });

  it('begins with the leases that end first if there are many thousands, and leaves out released ones', async () => {
    const names = Array.from({ length: 2500 }, (_, i) => `lock-${i}`);
    const leases = await Promise.all(names.map((name) => replica.acquire(name)));
    await replica.clock.pass(RENEW_EVERY - 40);
    await replica.acquire('short', { ttl: 120 });

    await replica.clock.pass(40);
    await leases[2400].release();
    await replica.clock.pass(20);

    const [first, ...others] = replica.store.callsOf('renew').map((call) => call.names);
    expect(first[0]).toBe('short');
    expect([...first, ...others.flat()]).not.toContain('lock-2400');
  });

  it('renews leases that are due soon together, so that leases of one TTL share one call', async () => {
    await replica.acquire('a');
    await replica.clock.pass(RENEW_EVERY / 5);
    await replica.acquire('b');

    await replica.clock.pass(RENEW_EVERY);

    expect(replica.store.callsOf('renew').map(({ names }) => names.toSorted())).toEqual([['a', 'b']]);
  });

  it('renews leases with different TTLs each at its own time', async () => {
    const ttls = [150, 700, 1000, 4000, 30_000];
    const leases = await Promise.all(ttls.map((ttl) => replica.acquire(`ttl-${ttl}`, { ttl })));

    await replica.clock.pass(60_000);

    expect(leases.map(({ held }) => held)).toEqual(ttls.map(() => true));
    for (const ttl of ttls) {
      const times = replica.store
        .callsOf('renew')
        .flatMap(({ names, at }) => (names.includes(`ttl-${ttl}`) ? at : []));
      expect(longestGap([0, ...times, 60_000])).toBeLessThanOrEqual(Math.ceil(ttl / 3) + 1);
      expect(times.length).toBeLessThanOrEqual((60_000 / ttl) * 4);
    }
  });

  it('renews a lease with a short TTL that comes while one with a long TTL is kept', async () => {
    await replica.acquire('long', { ttl: 60_000 });
    const lease = await replica.acquire('short', { ttl: 300 });

    await replica.clock.pass(3000);

    expect(lease.held).toBe(true);
  });

  it('ends a lease in time while the renewal of another one hangs', async () => {
    const short = await replica.acquire('short', { ttl: 1000 });
    const long = await replica.acquire('long');
    replica.store.always('renew', hangs);

    await replica.clock.pass(950);

    expect(short.held).toBe(false);
    expect(short.signal.aborted).toBe(true);
    expect(long.held).toBe(true);
  });

  it('continues to renew the others if one is lost', async () => {
    const [lost, kept] = [await replica.acquire('lost'), await replica.acquire('kept')];
    await replica.store.steal('lost');

    await replica.clock.pass(TTL * 2);

    expect(lost.lossError?.reason).toBe('taken');
    expect(kept.held).toBe(true);
  });

  it('renews a lease once if the loss of another makes work release a third', async () => {
    const [released, lost, kept] = [
      await replica.acquire('released'),
      await replica.acquire('lost', { maxHold: RENEW_EVERY }),
      await replica.acquire('kept'),
    ];
    lost.signal.addEventListener('abort', () => void released.release());

    await replica.clock.pass(RENEW_EVERY);

    expect(lost.held).toBe(false);
    const renewed = replica.store.callsOf('renew').flatMap(({ names }) => names);
    expect(renewed.filter((name) => name === 'kept')).toHaveLength(1);
    expect(kept.remaining).toBe(LEASE);
  });

  it('leaves neither a timer nor a renewal behind when all are released', async () => {
    const leases = await Promise.all(['a', 'b', 'c'].map((name) => replica.acquire(name)));

    await Promise.all(leases.map((lease) => lease.release()));

    expect(await timersLeft()).toBe(0);
    await replica.clock.pass(TTL);
    expect(replica.store.callsOf('renew')).toEqual([]);
  });

  it.each([
    ['confirmed', answersAfter(100)],
    ['carried out', carriedOutAfter(100)],
  ])('ignores a lease that is released before its renewal is %s', async (_, behaviour) => {
    const lease = await replica.acquire('a');
    replica.store.next('renew', behaviour);
    await replica.clock.pass(RENEW_EVERY);

    await lease.release();
    await replica.clock.pass(100);

    expect(lease.lossError?.reason).toBe('released');
    expect(replica.logger.warnings).toEqual([]);
    expect(await timersLeft()).toBe(0);
  });

  it('works again for a lease that comes after it had none', async () => {
    await (await replica.acquire('a')).release();
    const lease = await replica.acquire('b');

    await replica.clock.pass(TTL * 2);
    await settle();

    expect(lease.held).toBe(true);
  });

  it('does not keep the process alive', async () => {
    const setTimer = jest.spyOn(globalThis, 'setTimeout');

    await replica.acquire('a');

    const timers = setTimer.mock.results.map(({ value }) => value as NodeJS.Timeout);
    expect(timers).toHaveLength(1);
    expect(timers[0].hasRef()).toBe(false);
  });
});

function longestGap(times: readonly number[]): number {
  return Math.max(...times.slice(1).map((time, i) => time - times[i]));
}
