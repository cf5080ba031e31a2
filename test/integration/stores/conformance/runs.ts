import {
  EARLY_TOLERANCE,
  MAX_ATTEMPTS,
  type AcquireReply,
  type Claim,
  type GapClaim,
  type KeyClaim,
  type TickClaim,
} from '../../../../lib/stores/lock-store.js';
import { LONG, SHORT, WITHIN, grantedToken, request, tickClaim, type Subject } from './subject.js';
import { eventually } from '../../../support/eventually.js';

const HOUR = 3_600_000;

/** Ticks that are run again, gaps and keys. */
export function describeRuns(on: Subject): void {
  describe('that may be run again', () => {
    it('is busy, not done, while it runs', async () => {
      const claim = tickClaim(await due(), 'cron', true);
      const holder = request('job', { claim });
      await grantedToken(on.one, holder);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'busy', record: holder.record });
    });

    it('is granted again when its holder has expired, and done once it was completed', async () => {
      const claim = tickClaim(await due(), 'cron', true);
      await grantedToken(on.one, request('job', { claim, ttl: SHORT }));
      await on.expiry('job');
      await complete(claim);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
    });

    it('is granted again when it was given back without being completed', async () => {
      const claim = tickClaim(await due(), 'cron', true);
      const holder = request('job', { claim });
      await grantedToken(on.one, holder);
      await on.one.release(holder, WITHIN);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'granted' });
    });

    it('is done as soon as a later tick was granted', async () => {
      const time = await due();
      const earlier = tickClaim(time - 1, 'cron', true);
      await grantedToken(on.one, request('job', { claim: earlier, ttl: SHORT }));
      await on.expiry('job');
      await complete(tickClaim(time, 'cron', true));
      await expect(ask(earlier)).resolves.toMatchObject({ status: 'done' });
    });

    it('is known as completed by a replica that does not run ticks again, and the other way round', async () => {
      const time = await due();
      await complete(tickClaim(time));
      await expect(ask(tickClaim(time, 'cron', true))).resolves.toMatchObject({ status: 'done' });
    });

    it('is completed by a release that comes when the lease has expired', async () => {
      const claim = tickClaim(await due(), 'cron', true);
      const late = request('job', { claim, ttl: SHORT });
      await grantedToken(on.one, late);
      await on.expiry('job');
      await expect(on.one.release({ ...late, completed: claim }, WITHIN)).resolves.toBe('vanished');
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
    });

    it('is completed by a release that comes when the lock has another holder, who does something else', async () => {
      const claim = tickClaim(await due(), 'cron', true);
      const late = request('job', { claim, ttl: SHORT });
      await grantedToken(on.one, late);
      await on.expiry('job');
      const other = request('job');
      await grantedToken(on.two, other);
      await expect(on.one.release({ ...late, completed: claim }, WITHIN)).resolves.toBe('taken');
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
      await expect(on.two.release(other, WITHIN)).resolves.toBe('held');
    });

    it('is not completed by a holder that has lost it to another', async () => {
      const claim = tickClaim(await due(), 'cron', true);
      const late = request('job', { claim, ttl: SHORT });
      await grantedToken(on.one, late);
      await on.expiry('job');
      const other = request('job', { claim });
      await grantedToken(on.two, other);
      await expect(on.one.release({ ...late, completed: claim }, WITHIN)).resolves.toBe('taken');
      await on.two.release(other, WITHIN);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'granted' });
    });
  });

  describe('that may be run again, but not for ever', () => {
    it.each([undefined, 1, 2])(
      'is given up when it was begun that often, which is told once: %s',
      async (most) => {
        const claim = { ...tickClaim(await due(), 'cron', true), maxAttempts: most, application: 'shop' };
        for (let i = 0; i < (most ?? MAX_ATTEMPTS); i++)
          expect(await attempt(claim)).toMatchObject({ status: 'granted' });

        const first = await ask(claim);
        expect(first).toMatchObject({ status: 'done', attempts: most ?? MAX_ATTEMPTS, application: 'shop' });
        for (const again of [await ask(claim), await ask({ ...claim, time: claim.time - 1 })]) {
          expect(again).toMatchObject({ status: 'done' });
          expect(again).not.toHaveProperty('attempts', expect.anything());
        }
        const later = { ...claim, time: await due() };
        if (later.time > claim.time) expect(await ask(later)).toMatchObject({ status: 'granted' });
      },
    );

    it('is busy, not given up, while it runs for the last time, and may still be completed', async () => {
      const claim = { ...tickClaim(await due(), 'cron', true), maxAttempts: 1 };
      const last = request('job', { claim });
      await grantedToken(on.one, last);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'busy' });
      await on.one.release({ ...last, completed: claim }, WITHIN);
      const reply = await ask(claim);
      expect(reply).toMatchObject({ status: 'done' });
      expect(reply).not.toHaveProperty('attempts', expect.anything());
    });

    it('does not count what was undone', async () => {
      const claim = { ...tickClaim(await due(), 'cron', true), maxAttempts: 2 };
      await attempt(claim);
      for (let i = 0; i < 3; i++) {
        const undone = request('job', { claim });
        await grantedToken(on.one, undone);
        await on.one.undo(undone, WITHIN);
      }
      await expect(attempt(claim)).resolves.toMatchObject({ status: 'granted' });
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done', attempts: 2 });
    });

    it('is not begun again when whoever has given it up did not hear of that, and is undone', async () => {
      const claim = { ...tickClaim(await due(), 'cron', true), maxAttempts: 1 };
      await attempt(claim);
      const unheard = request('job', { claim });
      await expect(on.one.acquire(unheard, WITHIN)).resolves.toMatchObject({ status: 'done', attempts: 1 });
      await on.one.undo(unheard, WITHIN);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
    });

    it('stays given up when the last to begin it is undone after that', async () => {
      const claim = { ...tickClaim(await due(), 'cron', true), maxAttempts: 1 };
      const late = request('job', { claim, ttl: SHORT });
      await grantedToken(on.one, late);
      await on.expiry('job');
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done', attempts: 1 });
      await on.one.undo(late, WITHIN);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
    });
  });

  describe('in a while', () => {
    it('is granted, and done until the gap is over, also once the lock is free', async () => {
      const claim = gapClaim(SHORT);
      const first = request('job', { claim });
      await grantedToken(on.one, first);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
      await on.one.release({ ...first, completed: claim }, WITHIN);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
      const second = await untilGranted(claim);
      await on.two.release(second, WITHIN);
    });

    it('is counted from the start of the last one, not from its end', async () => {
      const claim = gapClaim(SHORT);
      const first = request('job', { claim });
      const before = await on.now();
      await grantedToken(on.one, first);
      const second = await untilGranted(gapClaim(SHORT), () => on.one.release(first, WITHIN));
      expect((await on.now()) - before).toBeGreaterThanOrEqual(SHORT - 5);
      expect(second.record).not.toBe(first.record);
    });

    it('is counted from the grant, not from a try that found the lock busy or done', async () => {
      const holder = request('job');
      await grantedToken(on.one, holder);
      await expect(ask(gapClaim(HOUR))).resolves.toMatchObject({ status: 'busy' });
      await on.one.release(holder, WITHIN);
      await expect(ask(gapClaim(HOUR))).resolves.toMatchObject({ status: 'granted' });
    });

    it('is a matter of its job', async () => {
      const holder = request('job', { claim: gapClaim(HOUR, 'one') });
      await grantedToken(on.one, holder);
      await on.one.release(holder, WITHIN);
      await expect(ask(gapClaim(HOUR, 'other'))).resolves.toMatchObject({ status: 'granted' });
    });
  });

  describe('of a key', () => {
    it('is busy while it runs, and done once it was completed, on either instance', async () => {
      const claim = keyClaim('v1');
      const holder = request('job', { claim });
      await grantedToken(on.one, holder);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'busy', record: holder.record });
      await on.one.release({ ...holder, completed: claim }, WITHIN);
      for (const store of [on.one, on.two]) {
        await expect(store.acquire(request('job', { claim }), WITHIN)).resolves.toMatchObject({
          status: 'done',
        });
      }
    });

    it('is granted again when it was given back without being completed, or its holder has expired', async () => {
      const claim = keyClaim('v1');
      const failed = request('job', { claim });
      await grantedToken(on.one, failed);
      await on.one.release(failed, WITHIN);
      await grantedToken(on.two, request('job', { claim, ttl: SHORT }));
      await on.expiry('job');
      await expect(ask(claim)).resolves.toMatchObject({ status: 'granted' });
    });

    it('is completed by a release that comes when the lease has expired', async () => {
      const claim = keyClaim('v1');
      const late = request('job', { claim, ttl: SHORT });
      await grantedToken(on.one, late);
      await on.expiry('job');
      await expect(on.one.release({ ...late, completed: claim }, WITHIN)).resolves.toBe('vanished');
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
    });

    it('is not completed by a release that comes when another runs it', async () => {
      const claim = keyClaim('v1');
      const late = request('job', { claim, ttl: SHORT });
      await grantedToken(on.one, late);
      await on.expiry('job');
      const other = request('job', { claim });
      await grantedToken(on.two, other);
      await expect(on.one.release({ ...late, completed: claim }, WITHIN)).resolves.toBe('taken');
      await on.two.release(other, WITHIN);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'granted' });
    });

    it('is remembered beside other keys, whatever they contain', async () => {
      const keys = ['v1', 'v2', '__proto__', '["a","b"]', 'a key: {with} anything/in it'];
      for (const key of keys) await complete(keyClaim(key));
      for (const key of keys) await expect(ask(keyClaim(key))).resolves.toMatchObject({ status: 'done' });
      await expect(ask(keyClaim('v3'))).resolves.toMatchObject({ status: 'granted' });
    });

    it('is remembered among many others, as are ticks and gaps', async () => {
      const tick = tickClaim(await due());
      const again = tickClaim(tick.time, 'again', true);
      for (const claim of [tick, again, gapClaim(HOUR)]) await complete(claim);
      for (let i = 0; i < 60; i++) await complete(keyClaim(`["customer-${i}"]`));
      for (let i = 0; i < 60; i += 7)
        await expect(ask(keyClaim(`["customer-${i}"]`))).resolves.toMatchObject({ status: 'done' });
      for (const claim of [tick, again, gapClaim(HOUR)])
        await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
      const later = { ...tick, time: await due() };
      if (later.time > tick.time) await complete(later);
      await expect(ask(tick)).resolves.toMatchObject({ status: 'done' });
    });

    it('can be undone when it has been among many others', async () => {
      const claims = [tickClaim(await due()), gapClaim(HOUR)];
      for (const claim of claims) {
        const lost = request('job', { claim, ttl: SHORT });
        await grantedToken(on.one, lost);
        await on.expiry('job');
        for (let i = 0; i < 20; i++) await complete(keyClaim(`${claim.kind}-${i}`));
        await on.one.undo(lost, WITHIN);
        const wanted = request('job', { claim });
        await grantedToken(on.two, wanted);
        await on.two.release(wanted, WITHIN);
      }
    });

    it('is forgotten when its time is over, whatever else was completed since', async () => {
      await complete(keyClaim('short', SHORT));
      await complete(keyClaim('long'));
      const again = await untilGranted(keyClaim('short', SHORT));
      await on.two.release(again, WITHIN);
      await expect(ask(keyClaim('long'))).resolves.toMatchObject({ status: 'done' });
    });
  });

  describe('that was undone', () => {
    it('can be had again: a gap begins only with a run', async () => {
      const claim = gapClaim(HOUR);
      const lost = request('job', { claim });
      await grantedToken(on.one, lost);
      await expect(on.one.undo(lost, WITHIN)).resolves.toBe('held');
      await expect(ask(claim)).resolves.toMatchObject({ status: 'granted' });
    });

    it('can be had again: a tick, but none before it', async () => {
      const time = await due();
      const lost = request('job', { claim: tickClaim(time) });
      await grantedToken(on.one, lost);
      await on.one.undo(lost, WITHIN);
      await expect(ask(tickClaim(time - 1))).resolves.toMatchObject({ status: 'done' });
      await expect(ask(tickClaim(time))).resolves.toMatchObject({ status: 'granted' });
    });

    it.each([
      ['nobody', undefined],
      ['another', request('job')],
    ])('after its lease has expired can be had again: %s has the lock by then', async (_, other) => {
      const [gap, time] = [gapClaim(HOUR), await due()];
      for (const wanted of [gap, tickClaim(time), tickClaim(time, 'rerun', true)]) {
        const late = request('job', { claim: wanted, ttl: SHORT });
        await grantedToken(on.one, late);
        await on.expiry('job');
        if (other) await grantedToken(on.two, other);
        await on.one.undo(late, WITHIN);
        if (wanted.kind === 'tick') {
          const before = await on.two.acquire(
            request('job', { claim: { ...wanted, time: time - 1 } }),
            WITHIN,
          );
          expect(before.status).toBe('done');
        }
        if (other) await expect(on.two.release(other, WITHIN)).resolves.toBe('held');
        const again = request('job', { claim: wanted });
        await grantedToken(on.two, again);
        await on.two.release(again, WITHIN);
      }
    });

    it('stays done where somebody else has run it since', async () => {
      const claim = tickClaim(await due());
      const late = request('job', { claim: { ...claim, time: claim.time - 1 }, ttl: SHORT });
      await grantedToken(on.one, late);
      await on.expiry('job');
      await grantedToken(on.two, request('job', { claim, ttl: SHORT }));
      await on.one.undo(late, WITHIN);
      await on.expiry('job');
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
    });
  });

  describe('marked with a time that is yet to come', () => {
    const claims: [string, (now: number) => Claim][] = [
      ['a tick', (now) => tickClaim(now)],
      ['a tick that is run again', (now) => tickClaim(now, 'cron', true)],
      ['the start of a gap', () => gapClaim(HOUR)],
      ['a key', () => keyClaim('v1')],
    ];

    it.each(claims)('decides nothing, and is told once: %s', async (_, claimAt) => {
      const claim = claimAt(await due());
      await complete(claim);
      await on.setClockBack('job', claim, HOUR);

      const now = await due();
      const again = claimAt(now);
      const wanted = request('job', { claim: again });
      const reply = await on.one.acquire(wanted, WITHIN);
      expect(reply).toMatchObject({ status: 'granted', futureMark: expect.any(Number) });
      const { futureMark } = reply as { futureMark: number };
      expect(futureMark).toBeGreaterThan(now + HOUR / 2);
      await on.one.release({ ...wanted, completed: again }, WITHIN);
      await expect(ask(again)).resolves.toMatchObject({ status: 'done' });
    });

    it('is not told again where the run that it let through has failed', async () => {
      const claim = keyClaim('v1');
      await complete(claim);
      await on.setClockBack('job', claim, HOUR);
      const failed = request('job', { claim });
      await grantedToken(on.one, failed);
      await on.one.release(failed, WITHIN);
      expect(await ask(claim)).not.toHaveProperty('futureMark', expect.any(Number));
    });

    it.each(claims)('decides all the same within the tolerance: %s', async (_, claimAt) => {
      const claim = claimAt(await due());
      await complete(claim);
      await on.setClockBack('job', claim, EARLY_TOLERANCE - 10);
      await expect(ask(claim)).resolves.toMatchObject({ status: 'done' });
    });
  });

  describe('that is done', () => {
    it.each([
      ['a tick', (now: number) => tickClaim(now)],
      ['a gap', () => gapClaim(HOUR)],
      ['a key', () => keyClaim('v1')],
    ])('says which application has run it: %s', async (_, claimAt) => {
      const claim = claimAt(await due());
      await complete({ ...claim, application: 'shop: {a} b' });
      const reply = await ask({ ...claim, application: 'billing' });
      expect(reply).toMatchObject({ status: 'done', application: 'shop: {a} b' });
    });

    it('says none where it had none', async () => {
      const claim = tickClaim(await due());
      await complete(claim);
      expect(await ask(claim)).not.toHaveProperty('application', expect.anything());
    });
  });

  it('comes with the clock of the store, whatever the decision', async () => {
    const time = await due();
    const holder = request('job', { claim: tickClaim(time) });
    const before = await on.now();
    const replies = [
      await on.one.acquire(holder, WITHIN),
      await on.one.acquire(holder, WITHIN),
      await ask(tickClaim(time)),
      await ask(keyClaim('v1')),
      await ask(tickClaim(time + HOUR)),
    ];
    const after = await on.now();
    expect(replies.map(({ status }) => status)).toEqual(['granted', 'granted', 'done', 'busy', 'early']);
    // The local store's clock is stamped by the file system, some milliseconds late.
    for (const { now } of replies.slice(2)) {
      expect(now).toBeGreaterThanOrEqual(Math.floor(before) - 20);
      expect(now).toBeLessThanOrEqual(after);
    }
  });

  async function due(): Promise<number> {
    return Math.floor(await on.now());
  }

  function ask(claim: Claim): Promise<AcquireReply> {
    return on.two.acquire(request('job', { claim }), WITHIN);
  }

  /** Begins the tick, if that is granted, as a holder that dies of it. */
  async function attempt(claim: TickClaim): Promise<AcquireReply> {
    const reply = await on.one.acquire(request('job', { claim, ttl: SHORT }), WITHIN);
    if (reply.status === 'granted') await on.expiry('job');
    return reply;
  }

  async function complete(claim: Claim): Promise<void> {
    const holder = request('job', { claim });
    await grantedToken(on.one, holder);
    await expect(on.one.release({ ...holder, completed: claim }, WITHIN)).resolves.toBe('held');
  }

  /** Asks until it is granted, and lets time pass where it does not by itself. */
  async function untilGranted(claim: Claim, inBetween?: () => Promise<unknown>) {
    const wanted = request('job', { claim, ttl: LONG });
    await eventually(async () => {
      const { status } = await on.two.acquire(wanted, WITHIN);
      if (status !== 'granted') on.advance?.(10);
      await inBetween?.();
      return status === 'granted';
    });
    return wanted;
  }
}

function gapClaim(gap: number, job = 'interval'): GapClaim {
  return { kind: 'gap', job, gap };
}

function keyClaim(job: string, remember = HOUR): KeyClaim {
  return { kind: 'key', job, remember };
}
