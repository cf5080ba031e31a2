import { strict as assert } from 'node:assert';
import type { AcquireReply, TickClaim } from '../../stores/lock-store.js';
import { assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import { HOUR, MINUTE, SHORT, WITHIN, ended, recorded, request, rerunClaim, tickClaim } from './subject.js';
import type { Subject } from './subject.js';

/** Ticks that were granted to nobody, of which a later one tells. */
export function untoldTicks(it: Define): void {
  it('are told to a grant: those after the tick before it', async (on) => {
    const { claim, last } = await tickAfter(on, 'a death');
    assertFields(await on.ask(claim), { status: 'granted', idleSince: last });
  });

  it('are those after the run of the tick before it, if that took longer', async (on) => {
    const { claim } = await tickAfter(on, 'an end');
    const [{ started, duration }] = (await on.read(claim)).runs;
    assertFields(await on.ask(claim), { status: 'granted', idleSince: started + duration! });
  });

  it('are not known before the first tick, nor without a history', async (on) => {
    const first = recorded(tickClaim((await on.due()) - HOUR));
    const wanted = request('job', { claim: first });
    assertFields(await on.one.acquire(wanted, WITHIN), { status: 'granted', idleSince: undefined });
    await on.one.release(ended(wanted), WITHIN);
    const { history: _, ...claim } = (await tickAfter(on, 'an end', 'other')).claim;
    assertFields(await on.ask(claim), { status: 'granted', idleSince: undefined });
  });

  it('are told to nobody that is refused, and to no run by hand', async (on) => {
    const { claim } = await tickAfter(on, 'an end');
    const other = request('job', { claim: { ...claim, byHand: true } });
    assertFields(await on.one.acquire(other, WITHIN), { status: 'granted', idleSince: undefined });
    assertFields(await on.ask(claim), { status: 'busy', idleSince: undefined });
    await on.one.release(ended(other), WITHIN);
    await on.complete(claim);
    assertFields(await on.ask(claim), { status: 'done', idleSince: undefined });
  });

  it('are told again to an owner that asks again, with its lease and without', async (on) => {
    const { claim, last: idleSince } = await tickAfter(on, 'a death');
    const wanted = request('job', { claim, ttl: SHORT });
    for (let i = 0; i < 2; i++)
      assertFields(await on.one.acquire(wanted, WITHIN), { status: 'granted', idleSince });
    await on.expiry('job');
    assertFields(await on.one.acquire(wanted, WITHIN), { status: 'granted', idleSince });
  });

  for (const [what, rerun] of [
    ['a tick', false],
    ['a tick that may be granted again', true],
  ] as const)
    it(`are told to the next grant, if the one before it was void: ${what}`, async (on) => {
      const { claim, last: idleSince } = await tickAfter(on, 'a death');
      for (const time of [claim.time - 2, claim.time - 2, claim.time - 1]) {
        const unheard = request('job', { claim: { ...claim, time, rerun } });
        assertFields(await on.one.acquire(unheard, WITHIN), { status: 'granted', idleSince });
        await on.one.release(ended(unheard, 'void'), WITHIN);
      }
      assertFields(await on.ask({ ...claim, rerun }), { status: 'granted', idleSince });
    });

  it('are told once of a tick that is granted again', async (on) => {
    const claim = { ...recorded(rerunClaim(await on.due())), maxAttempts: 2 };
    await on.complete({ ...claim, time: claim.time - HOUR });
    await on.die(claim);
    const second = request('job', { claim });
    assertFields(await on.one.acquire(second, WITHIN), { status: 'granted', idleSince: undefined });
    await on.one.release(ended(second, 'void'), WITHIN);
    assertFields(await on.ask(claim), { status: 'granted', idleSince: undefined });
  });

  passedOver(it);
}

/** What is told where a later tick counts as granted without being run. */
function passedOver(it: Define): void {
  it('are told with one that is missed, again to its owner, and to nobody else', async (on) => {
    const { claim: before, last } = await tickAfter(on, 'a death');
    const missed = { within: MINUTE, next: before.time + HOUR };
    const claim = { ...before, time: before.time - 10 * MINUTE, missed };
    const wanted = request('job', { claim });
    const told = { status: 'done', isMissed: true, idleSince: last };
    for (let i = 0; i < 2; i++) assertFields(await on.one.acquire(wanted, WITHIN), told);
    assertFields(await on.read(claim), { lastTick: claim.time });
    assert.equal((await on.read(claim)).runs.length, 2);
    await on.one.release(ended(wanted, 'void'), WITHIN);
    assertFields(await on.ask(before), { status: 'granted', idleSince: claim.time });
  });

  it('are told with the first one that comes due while the job is paused', async (on) => {
    const { claim, last } = await tickAfter(on, 'a death');
    const pause = { reason: 'migration', by: 'anna', since: claim.time };
    await on.pause(claim, pause);
    const wanted = request('job', { claim });
    for (let i = 0; i < 2; i++) {
      const reply = await on.one.acquire(wanted, WITHIN);
      assertFields(reply, { status: 'paused', pause, idleSince: last });
    }
    assertFields(await on.ask(claim), { status: 'paused', idleSince: undefined });
    await on.one.release(ended(wanted, 'void'), WITHIN);
    await on.pause(claim, null);
    assertFields(await on.ask(claim), { status: 'done', idleSince: undefined });
    const later = await nextTick(on, claim);
    assertFields(later, { status: 'granted', idleSince: claim.time });
  });

  it('are told to a tick that is granted late', async (on) => {
    const { claim: before, last } = await tickAfter(on, 'a death');
    const missed = { within: HOUR, next: before.time + HOUR };
    const claim = { ...before, time: before.time - 10 * MINUTE, missed };
    assertFields(await on.ask(claim), { status: 'granted', idleSince: last });
  });
}

/** A tick that is due now, and when the one before it was: it had run to its end by now, or its holder had died. */
async function tickAfter(
  on: Subject,
  what: 'an end' | 'a death',
  job?: string,
): Promise<{ claim: TickClaim; last: number }> {
  const last = (await on.due()) - HOUR;
  const earlier = recorded(tickClaim(last, job));
  if (what === 'an end') await on.complete(earlier);
  else await on.die(earlier);
  return { claim: { ...earlier, time: await on.due() }, last };
}

async function nextTick(on: Subject, claim: TickClaim): Promise<AcquireReply> {
  await on.advance(1);
  return on.ask({ ...claim, time: Math.max(await on.due(), claim.time + 1) });
}
