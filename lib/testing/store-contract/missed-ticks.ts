import { strict as assert } from 'node:assert';
import type { MissedTick, TickClaim } from '../../stores/lock-store.js';
import { assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import {
  HOUR,
  MINUTE,
  WITHIN,
  ended,
  granted,
  recorded,
  request,
  rerunClaim,
  tickClaim,
  type Subject,
} from './subject.js';

export function missedTicks(it: Define): void {
  it('is granted if an earlier one was, and recorded as late', async (on) => {
    const claim = await missed(on);
    const before = await on.now();
    await on.complete(claim);
    const [run] = (await on.read(claim)).runs;
    assertFields(run, { tick: claim.time, by: 'missed', outcome: 'succeeded' });
    assert.ok(run.started >= before - 20, 'it started when it was granted');
    assertFields(await on.ask(claim), { status: 'done', isMissed: undefined });
  });

  it('is done if no tick of the job is known: it may be new', async (on) => {
    const claim = lateTick(await on.due());
    assertFields(await on.ask(claim), { status: 'done', isMissed: undefined });
    assertFields(await on.read(claim), { lastTick: undefined, runs: [] });
  });

  it('is done if it was granted, or a later one was', async (on) => {
    const claim = await missed(on);
    await on.complete({ ...claim, missed: undefined });
    assertFields(await on.ask(claim), { status: 'done', isMissed: undefined });
    assertFields(await on.ask({ ...claim, time: claim.time - 1 }), { status: 'done', isMissed: undefined });
  });

  it('is done if the next one is nearer, or due', async (on) => {
    const claim = await missed(on, { next: (await on.due()) + 5 * MINUTE });
    assertFields(await on.ask(claim), { status: 'done', isMissed: undefined });
    const next = (await on.due()) - 1;
    const due = { ...claim, missed: { within: HOUR, next } };
    assertFields(await on.ask(due), { status: 'done', isMissed: undefined });
    await on.complete({ ...claim, time: next, missed: undefined });
  });

  it('is busy while something else runs, and granted after that', async (on) => {
    const claim = await missed(on);
    const other = request('job');
    await granted(on.one, other);
    assertFields(await on.ask(claim), { status: 'busy' });
    await on.one.release(ended(other), WITHIN);
    await on.complete(claim);
  });

  it('is granted to one of many that ask at once', async (on) => {
    const claim = await missed(on);
    const statuses = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const wanted = request('job', { claim });
        return (await [on.one, on.two][i % 2].acquire(wanted, WITHIN)).status;
      }),
    );
    assert.deepEqual(statuses.toSorted(), [...Array<string>(11).fill('done'), 'granted']);
  });

  it('can be claimed again if it was void', async (on) => {
    const claim = await missed(on);
    const unheard = request('job', { claim });
    await granted(on.one, unheard);
    await on.one.release(ended(unheard, 'void'), WITHIN);
    await on.complete(claim);
  });

  tooLate(it);
  grantedAgain(it);
}

function tooLate(it: Define): void {
  it('is recorded as missed when it is too late, and counts as granted from then on', async (on) => {
    const claim = await missed(on, { within: MINUTE });
    const before = Math.floor(await on.now());
    assertFields(await on.ask(claim), { status: 'done', isMissed: true });
    const { lastTick, runs } = await on.read(claim);
    assert.equal(lastTick, claim.time);
    assertFields(runs, { length: 2 });
    const [{ started, ...run }] = runs;
    assertFields(run, { tick: claim.time, outcome: 'missed', fencingToken: 0, replica: 'web-1' });
    assertFields(run, { duration: undefined, by: undefined });
    assert.ok(started >= before - 20, 'it is recorded with the time of the reply');
    assertFields(await on.ask({ ...claim, missed: undefined }), { status: 'done', isMissed: undefined });
  });

  it('is too late once for all replicas', async (on) => {
    const claim = await missed(on, { within: MINUTE });
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, i) => {
        const wanted = request('job', { claim });
        return [on.one, on.two][i % 2].acquire(wanted, WITHIN);
      }),
    );
    for (const reply of replies) assertFields(reply, { status: 'done' });
    const told = replies.filter((reply) => 'isMissed' in reply && reply.isMissed);
    assertFields(told, { length: 1 });
    assertFields(await on.ask(claim), { status: 'done', isMissed: undefined });
    assertFields((await on.read(claim)).runs, { length: 2 });
  });

  it('is too late also without a history, and while something else runs', async (on) => {
    const { history: _, ...claim } = await missed(on, { within: MINUTE });
    await granted(on.one, request('job'));
    assertFields(await on.ask(claim), { status: 'done', isMissed: true });
    assertFields(await on.ask(claim), { status: 'done', isMissed: undefined });
  });

  it('stays too late though the one that was told is void', async (on) => {
    for (const kind of [recorded(tickClaim(0)), recorded(rerunClaim(0))]) {
      const job = `${kind.rerun}`;
      const claim = { ...(await missed(on, { within: MINUTE }, job)), rerun: kind.rerun };
      const told = request('job', { claim });
      assertFields(await on.one.acquire(told, WITHIN), { status: 'done', isMissed: true });
      await on.one.release(ended(told, 'void'), WITHIN);
      assertFields(await on.ask(claim), { status: 'done', isMissed: undefined });
      assertFields(await on.ask({ ...claim, missed: undefined }), { status: 'done' });
      assertFields((await on.read(claim)).runs[0], { outcome: 'missed' });
    }
  });

  it('is too late while it is still nearer than the next one only', async (on) => {
    const claim = await missed(on, { within: MINUTE, next: (await on.due()) + 5 * MINUTE });
    assertFields(await on.ask(claim), { status: 'done', isMissed: undefined });
    assertFields((await on.read(claim)).runs, { length: 1 });
  });
}

function grantedAgain(it: Define): void {
  it('is granted again in time if it was begun, and may be', async (on) => {
    const claim = { ...(await missed(on)), rerun: true };
    await on.die({ ...claim, missed: undefined });
    await on.complete(claim);
  });

  it('was not missed if it was begun: it is done when it is too late', async (on) => {
    const claim = { ...(await missed(on, { within: MINUTE })), rerun: true };
    await on.die({ ...claim, missed: undefined });
    assertFields(await on.ask(claim), { status: 'done', isMissed: undefined });
  });
}

/** A tick of ten minutes ago that nobody was granted, after one that was. */
async function missed(on: Subject, more: Partial<MissedTick> = {}, job?: string): Promise<TickClaim> {
  const claim = lateTick(await on.due(), more, job);
  await on.complete({ ...claim, time: claim.time - HOUR, missed: undefined });
  return claim;
}

function lateTick(now: number, more: Partial<MissedTick> = {}, job?: string): TickClaim {
  const missedTick = { within: HOUR, next: now + HOUR, ...more };
  return { ...recorded(tickClaim(now - 10 * MINUTE, job)), missed: missedTick };
}
