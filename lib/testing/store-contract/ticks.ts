import { strict as assert } from 'node:assert';
import {
  BEHIND_TOLERANCE,
  EARLY_TOLERANCE,
  type AcquireReply,
  type TickClaim,
} from '../../stores/lock-store.js';
import { assertBetween, assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import { MINUTE, WITHIN, ended, granted, request, tickClaim, type Subject } from './subject.js';

/** Milliseconds by which two readings of a clock may differ that some round. */
const ROUNDING = 2;

export function ticks(it: Define): void {
  it('is granted when it is due, and done for others afterwards', async (on) => {
    const claim = tickClaim(await on.due());
    await on.complete(claim);
    for (const store of [on.one, on.two])
      assertFields(await store.acquire(request('job', { claim }), WITHIN), { status: 'done' });
  });

  it('is done when a later one was granted', async (on) => {
    const time = await on.due();
    await on.complete(tickClaim(time));
    assertFields(await on.ask(tickClaim(time - 1)), { status: 'done' });
    assertFields(await on.ask(tickClaim(time - MINUTE)), { status: 'done' });
  });

  it('is granted after those before it', async (on) => {
    const time = await on.due();
    for (const claim of [tickClaim(time - MINUTE), tickClaim(time - 1), tickClaim(time)])
      await on.complete(claim);
  });

  it('is a matter of its job', async (on) => {
    const time = await on.due();
    await on.complete(tickClaim(time, 'nightly'));
    await on.complete(tickClaim(time, 'hourly'));
    await on.complete(tickClaim(time - MINUTE, 'a job: {with} anything/in it'));
    assertFields(await on.ask(tickClaim(time, 'hourly')), { status: 'done' });
  });

  it('is a matter of its lock', async (on) => {
    const claim = tickClaim(await on.due());
    await on.complete(claim);
    await granted(on.two, request('another job', { claim }));
  });

  it('has nothing to do with grants that claim none', async (on) => {
    const held = request('job');
    await granted(on.one, held);
    await on.one.release(ended(held, 'completed'), WITHIN);
    await on.complete(tickClaim(await on.due()));
    await granted(on.two, request('job'));
  });

  it('is granted to one of many that ask at once, ten times', async (on) => {
    const first = (await on.due()) - 10;
    for (let time = first; time < first + 10; time++) {
      const asked = Array.from({ length: 12 }, async (_, i) => {
        const [store, wanted] = [i % 2 ? on.one : on.two, request('job', { claim: tickClaim(time) })];
        const { status } = await store.acquire(wanted, WITHIN);
        // Before the others are told, perhaps: the tick is done all the same.
        if (status === 'granted') await store.release(ended(wanted), WITHIN);
        return status;
      });
      const statuses = await Promise.all(asked);
      assert.deepEqual(statuses.toSorted(), [...Array<string>(11).fill('done'), 'granted']);
    }
  });

  it('stays done when its holder has died', async (on) => {
    const claim = tickClaim(await on.due());
    await on.die(claim);
    assertFields(await on.ask(claim), { status: 'done' });
  });

  it('takes a few milliseconds ahead for due, and for done afterwards', async (on) => {
    const claim = tickClaim(Math.floor(await on.now()) + EARLY_TOLERANCE);
    await on.complete(claim);
    assertFields(await on.ask(claim), { status: 'done' });
  });

  it('comes early by what is missing, and is not recorded', async (on) => {
    const before = await on.now();
    const time = Math.ceil(before) + MINUTE;
    const reply = await on.ask(tickClaim(time));
    assertEarly(reply, time - (await on.now()), time - before);
    assert.equal(await on.inspect('job'), null);
    await on.complete(tickClaim(await on.due()));
  });

  it('is granted once its time has come', async (on) => {
    const time = Math.ceil(await on.now()) + EARLY_TOLERANCE + 100;
    const wanted = request('job', { claim: tickClaim(time) });
    let reply = await on.one.acquire(wanted, WITHIN);
    assertEarly(reply, 0, EARLY_TOLERANCE + 101);
    while (reply.status === 'early') {
      await on.advance(reply.by);
      reply = await on.one.acquire(wanted, WITHIN);
    }
    assertFields(reply, { status: 'granted' });
    assertBetween(await on.now(), time - EARLY_TOLERANCE - ROUNDING, Infinity);
  });

  it(
    'is due at the tolerance, to the millisecond',
    async (on) => {
      const due = (await on.now()) + EARLY_TOLERANCE;
      const over = await on.ask(tickClaim(due + 1));
      assertFields(over, { status: 'early', by: EARLY_TOLERANCE + 1 });
      await on.complete(tickClaim(due));
    },
    'advance',
  );

  orderOfReplies(it);
  clocksThatAreBehind(it);
}

function orderOfReplies(it: Define): void {
  it('is early rather than done or busy', async (on) => {
    const time = await on.due();
    await granted(on.one, request('job', { claim: tickClaim(time) }));
    assertFields(await on.ask(tickClaim(time + MINUTE)), { status: 'early' });
  });

  it('is done rather than busy while it runs', async (on) => {
    const claim = tickClaim(await on.due());
    await granted(on.one, request('job', { claim }));
    assertFields(await on.ask(claim), { status: 'done' });
  });

  it('is done rather than busy while something else runs', async (on) => {
    const claim = tickClaim(await on.due());
    await on.complete(claim);
    await granted(on.one, request('job'));
    assertFields(await on.ask(claim), { status: 'done' });
  });

  it('is busy while something else runs, and granted after that', async (on) => {
    const claim = tickClaim(await on.due());
    const other = request('job');
    await granted(on.one, other);
    assertFields(await on.ask(claim), { status: 'busy', owner: other.owner });
    await on.one.release(ended(other), WITHIN);
    await on.complete(claim);
  });

  it('is behind rather than busy', async (on) => {
    await granted(on.one, request('job'));
    assertFields(await on.ask(await behind(on)), { status: 'behind' });
  });
}

function clocksThatAreBehind(it: Define): void {
  it('is refused to a clock that is behind, not recorded, and granted to one that is right', async (on) => {
    const claim = await behind(on);
    const reply = await on.ask(claim);
    assertFields(reply, { status: 'behind' });
    assertBetween(reply.now, claim.time - 20, Infinity);
    assert.equal(await on.inspect('job'), null);
    await on.complete({ ...claim, askedAt: await on.due() });
  });

  it('is granted to a clock that is behind if it is wanted all the same', async (on) => {
    await on.complete({ ...(await behind(on)), askedAt: undefined });
  });

  it('is granted to a clock that is behind once ticks of the job were granted: none has run this one', async (on) => {
    const claim = await behind(on);
    await on.complete({ ...claim, time: claim.time - 1, askedAt: undefined });
    await on.complete(claim);
  });
}

async function behind(on: Subject): Promise<TickClaim> {
  const time = await on.due();
  return { ...tickClaim(time), askedAt: time - 2 * BEHIND_TOLERANCE };
}

function assertEarly(reply: AcquireReply, least: number, most: number): void {
  assertFields(reply, { status: 'early' });
  assertBetween((reply as { by?: number }).by, least - ROUNDING, most + ROUNDING);
}
