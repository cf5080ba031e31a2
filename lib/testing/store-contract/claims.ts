import { strict as assert } from 'node:assert';
import { EARLY_TOLERANCE, type AcquireRequest, type Claim } from '../../stores/lock-store.js';
import { assertBetween, assertFields, eventually } from './checks.js';
import type { Define } from './contract-case.js';
import {
  EVERY_CLAIM,
  HOUR,
  SHORT,
  WITHIN,
  ended,
  gapClaim,
  granted,
  keyClaim,
  request,
  rerunClaim,
  tickClaim,
  type Subject,
} from './subject.js';

export function gaps(it: Define): void {
  it('is done until it is over, also when the lock is free', async (on) => {
    const claim = gapClaim(10 * SHORT);
    const first = request('job', { claim });
    await granted(on.one, first);
    assertFields(await on.ask(claim), { status: 'done' });
    await on.one.release(ended(first, 'completed'), WITHIN);
    assertFields(await on.ask(claim), { status: 'done' });
    await untilGranted(on, claim);
  });

  it('is counted from the start of the last run, not from its end', async (on) => {
    const first = request('job', { claim: gapClaim(SHORT) });
    const before = await on.now();
    await granted(on.one, first);
    await untilGranted(on, gapClaim(SHORT), () => on.one.release(ended(first, 'completed'), WITHIN));
    assertBetween((await on.now()) - before, SHORT - 5, Infinity);
  });

  it('is counted from a grant, not from an attempt that found the lock busy', async (on) => {
    const held = request('job');
    await granted(on.one, held);
    assertFields(await on.ask(gapClaim()), { status: 'busy' });
    await on.one.release(ended(held), WITHIN);
    await granted(on.two, request('job', { claim: gapClaim() }));
  });

  it('is a matter of its job', async (on) => {
    await on.complete(gapClaim(HOUR, 'one'));
    await on.complete(gapClaim(HOUR, 'other'));
  });

  it('is as long as the caller says, not as the one before has said', async (on) => {
    await on.die(gapClaim(SHORT / 2));
    assertFields(await on.ask(gapClaim(HOUR)), { status: 'done' });
  });
}

export function keys(it: Define): void {
  it('is busy while it runs, and done on either instance once it was completed', async (on) => {
    const claim = keyClaim();
    const held = request('job', { claim });
    await granted(on.one, held);
    assertFields(await on.ask(claim), { status: 'busy', owner: held.owner });
    await on.one.release(ended(held, 'completed'), WITHIN);
    for (const store of [on.one, on.two])
      assertFields(await store.acquire(request('job', { claim }), WITHIN), { status: 'done' });
  });

  it('is granted again when it was left unfinished, or its holder has died', async (on) => {
    const claim = keyClaim();
    const failed = request('job', { claim });
    await granted(on.one, failed);
    await on.one.release(ended(failed, 'unfinished'), WITHIN);
    await on.die(claim);
    await on.complete(claim);
  });

  it('is completed by a release that comes when the lease has expired', async (on) => {
    const claim = keyClaim();
    const late = await on.die(claim);
    await on.one.release(ended(late, 'completed'), WITHIN);
    assertFields(await on.ask(claim), { status: 'done' });
  });

  it('is not completed by a release that comes when another runs it', async (on) => {
    const claim = keyClaim();
    const late = await on.die(claim);
    const other = request('job', { claim });
    await granted(on.two, other);
    await on.one.release(ended(late, 'completed'), WITHIN);
    await on.two.release(ended(other), WITHIN);
    await on.complete(claim);
  });

  it('is remembered beside other keys, whatever they contain', async (on) => {
    const names = ['v1', 'v2', '__proto__', '["a","b"]', 'a key: {with} anything/in it', "it's"];
    for (const key of names) await on.complete(keyClaim(key));
    for (const key of names) assertFields(await on.ask(keyClaim(key)), { status: 'done' });
    await on.complete(keyClaim('v3'));
  });

  it('is remembered among many others, as are ticks and gaps', async (on) => {
    const time = await on.due();
    const others = [tickClaim(time), { ...rerunClaim(time), job: 'again' }, gapClaim()];
    for (const claim of others) await on.complete(claim);
    for (let i = 0; i < 60; i++) await on.complete(keyClaim(`["customer-${i}"]`));
    for (let i = 0; i < 60; i += 7)
      assertFields(await on.ask(keyClaim(`["customer-${i}"]`)), { status: 'done' });
    for (const claim of others) assertFields(await on.ask(claim), { status: 'done' });
  });

  it('is forgotten when its time is over, whatever else was completed since', async (on) => {
    await on.complete(keyClaim('short', SHORT));
    await on.complete(keyClaim('long'));
    const again = await untilGranted(on, keyClaim('short', SHORT));
    await on.two.release(ended(again), WITHIN);
    assertFields(await on.ask(keyClaim('long')), { status: 'done' });
  });
}

/** Of any claim. */
export function claims(it: Define): void {
  for (const [name, claimAt] of EVERY_CLAIM) {
    it(`says which application has run it: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      await on.complete({ ...claim, application: 'shop: {a} b' });
      const reply = await on.ask({ ...claim, application: 'billing' });
      assertFields(reply, { status: 'done', application: 'shop: {a} b' });
    });

    it(`says no application if it had none: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      await on.complete(claim);
      const reply = await on.ask({ ...claim, application: 'billing' });
      assertFields(reply, { status: 'done', application: undefined });
    });
  }

  it('comes with the clock of the store, whatever the decision', async (on) => {
    const time = await on.due();
    const before = await on.now();
    const held = request('job', { claim: tickClaim(time) });
    const replies = [
      await on.one.acquire(held, WITHIN),
      await on.one.acquire(held, WITHIN),
      await on.ask(tickClaim(time)),
      await on.ask(keyClaim()),
      await on.ask(tickClaim(time + HOUR)),
    ];
    const statuses = replies.map(({ status }) => status);
    const after = await on.now();
    assert.deepEqual(statuses, ['granted', 'granted', 'done', 'busy', 'early']);
    // A clock may be rounded, and one that the file system stamps is some milliseconds late.
    for (const { now } of replies) assertBetween(now, before - 20, after + 20);
  });

  clocksSetBack(it);
}

function clocksSetBack(it: Define): void {
  for (const [name, claimAt] of EVERY_CLAIM) {
    it(
      `decides nothing when its mark is in the future, which is said once: ${name}`,
      async (on) => {
        const marked = claimAt(await on.due());
        await on.complete(marked);
        await on.setClockBack('job', marked, HOUR);

        const now = await on.due();
        const claim = claimAt(now);
        const wanted = request('job', { claim });
        const reply = await on.one.acquire(wanted, WITHIN);
        assertFields(reply, { status: 'granted' });
        assertBetween((reply as { futureMark?: number }).futureMark, now + HOUR / 2, now + 2 * HOUR);
        await on.one.release(ended(wanted, 'completed'), WITHIN);
        assertFields(await on.ask(claim), { status: 'done' });
      },
      'setClockBack',
    );

    it(
      `decides all the same when its mark is in the future by less than the tolerance: ${name}`,
      async (on) => {
        const claim = claimAt(await on.due());
        await on.complete(claim);
        await on.setClockBack('job', claim, EARLY_TOLERANCE - 10);
        assertFields(await on.ask(claim), { status: 'done' });
      },
      'setClockBack',
    );
  }

  it(
    'reports a mark in the future once, also if the run that it let through has failed',
    async (on) => {
      const claim = keyClaim();
      await on.complete(claim);
      await on.setClockBack('job', claim, HOUR);
      const failed = request('job', { claim });
      await granted(on.one, failed);
      await on.one.release(ended(failed), WITHIN);
      const reply = await on.ask(claim);
      assertFields(reply, { status: 'granted', futureMark: undefined });
    },
    'setClockBack',
  );
}

/** Asks until it is granted, and lets time pass if it does not by itself. */
async function untilGranted(
  on: Subject,
  claim: Claim,
  inBetween?: () => Promise<unknown>,
): Promise<AcquireRequest> {
  const wanted = request('job', { claim });
  await eventually('the claim is granted again', async () => {
    const { status } = await on.two.acquire(wanted, WITHIN);
    if (status !== 'granted') await on.advance(10);
    await inBetween?.();
    return status === 'granted';
  });
  return wanted;
}
