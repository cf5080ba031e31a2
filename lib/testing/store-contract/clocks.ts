import { assertBetween, assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import { HOUR, MINUTE, gapClaim, granted, keyClaim, request, tickClaim, type Subject } from './subject.js';

/** The clock of a replica may be wrong, and decides nothing. */
export function clocks(define: Define): void {
  const it: Define = (name, check) => define(name, check, 'ownClock');

  for (const [direction, ms] of [
    ['ahead', 2 * HOUR],
    ['behind', -2 * HOUR],
  ] as const) {
    it(`decides about ticks though that of the replica is ${direction}`, async (on) => {
      const time = await on.due();
      await withReplicaClock(ms, async () => {
        assertFields(await on.ask(tickClaim(time + MINUTE)), { status: 'early' });
        await on.complete(tickClaim(time));
        assertFields(await on.ask(tickClaim(time)), { status: 'done' });
      });
      assertFields(await on.ask(tickClaim(time)), { status: 'done' });
    });

    it(`decides how long a gap and a key last though that of the replica is ${direction}`, async (on) => {
      await withReplicaClock(ms, async () => {
        await on.complete(gapClaim());
        await on.complete(keyClaim());
      });
      await areDone(on);
      await withReplicaClock(-ms, () => areDone(on));
    });

    it(`makes the fencing tokens though that of the replica is ${direction}`, async (on) => {
      const before = await on.now();
      const fencingToken = await withReplicaClock(ms, () => granted(on.one, request('job')));
      assertBetween(fencingToken, before * 1000 - 1, (await on.now()) * 1000 + 1000);
    });

    it(`counts leases though that of the replica is ${direction}`, async (on) => {
      const held = request('job', { ttl: MINUTE });
      await withReplicaClock(ms, () => granted(on.one, held));
      const { remaining } = (await on.inspect('job'))!;
      assertBetween(remaining, MINUTE / 2, MINUTE);
      await withReplicaClock(-ms, async () =>
        assertFields(await on.two.acquire(request('job'), 5000), { status: 'busy', owner: held.owner }),
      );
    });
  }
}

async function areDone(on: Subject): Promise<void> {
  assertFields(await on.ask(gapClaim()), { status: 'done' });
  assertFields(await on.ask(keyClaim()), { status: 'done' });
}

/** Sets `Date` forward, or back if that is negative, while the work runs. */
async function withReplicaClock<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const real = globalThis.Date;
  globalThis.Date = new Proxy(real, {
    construct: (target, args: [], newTarget) =>
      Reflect.construct(target, args.length > 0 ? args : [real.now() + ms], newTarget) as object,
    apply: () => new real(real.now() + ms).toString(),
    get: (target, property) =>
      property === 'now' ? () => real.now() + ms : (Reflect.get(target, property) as unknown),
  });
  try {
    return await work();
  } finally {
    globalThis.Date = real;
  }
}
