import { strict as assert } from 'node:assert';
import type { JobPause } from '../../stores/lock-store.js';
import { assertFields, eventually } from './checks.js';
import type { Define } from './contract-case.js';
import {
  EVERY_CLAIM,
  HOUR,
  MINUTE,
  SHORT,
  WITHIN,
  ended,
  gapClaim,
  granted,
  keyClaim,
  recorded,
  request,
  tickClaim,
  type Subject,
} from './subject.js';

export function pauses(it: Define): void {
  for (const [name, claimAt] of EVERY_CLAIM) {
    it(`is not granted until it is resumed: ${name}`, async (on) => {
      const claim = recorded(claimAt(await on.due()));
      const pause = await pauseAt(on);
      await on.pause(claim, pause);
      for (let i = 0; i < 2; i++) assertFields(await on.ask(claim), { status: 'paused', pause });
      assertFields(await on.read(claim), { pause, runs: [] });
      assert.equal(await on.inspect('job'), null);
      await on.pause(claim, null);
      assertFields(await on.read(claim), { pause: undefined });
      await on.complete(claim);
    });

    it(`keeps what was run before: ${name}`, async (on) => {
      const claim = recorded(claimAt(await on.due()));
      await on.complete(claim);
      await on.pause(claim, await pauseAt(on));
      assertFields(await on.ask(claim), { status: 'paused' });
      const { runs } = await on.read(claim);
      assert.deepEqual(
        runs.map(({ outcome }) => outcome),
        ['succeeded'],
      );
      await on.pause(claim, null);
      assertFields(await on.ask(claim), { status: 'done' });
    });

    it(`ends its run as always: ${name}`, async (on) => {
      const claim = recorded(claimAt(await on.due()));
      const running = request('job', { claim });
      const fencingToken = await granted(on.one, running);
      const pause = await pauseAt(on);
      await on.pause(claim, pause);
      // Its first reply was lost. A key is not marked before it is completed, so nothing tells that it is this run.
      if (claim.kind !== 'key') await granted(on.one, running);
      const run = { fencingToken, outcome: 'succeeded' } as const;
      assert.equal(await on.one.release({ ...ended(running, 'completed'), run }, WITHIN), 'held');
      assertFields(await on.read(claim), { pause });
      assertFields((await on.read(claim)).runs[0], { outcome: 'succeeded' });
      await on.pause(claim, null);
      assertFields(await on.ask(claim), { status: 'done' });
    });

    it(`is run by hand all the same, and stays paused: ${name}`, async (on) => {
      const claim = recorded(claimAt(await on.due()));
      const pause = await pauseAt(on);
      await on.pause(claim, pause);
      await on.complete({ ...claim, byHand: true });
      assertFields(await on.ask(claim), { status: 'paused', pause });
    });
  }

  it('does not miss a tick that comes due during the pause, if the store knows the job', async (on) => {
    const time = await on.due();
    await on.complete(recorded(tickClaim(time - MINUTE)));
    await on.pause(tickClaim(time), await pauseAt(on));
    assertFields(await on.ask(recorded(tickClaim(time))), { status: 'paused' });
    await on.pause(tickClaim(time), null);
    const missed = { within: HOUR, next: time + HOUR };
    assertFields(await on.ask({ ...recorded(tickClaim(time)), missed }), { status: 'done' });
    assertFields(await on.read(tickClaim(time)), { lastTick: time });
  });

  it('is a matter of the job, not of the lock', async (on) => {
    const time = await on.due();
    await on.pause(tickClaim(0), await pauseAt(on));
    for (const claim of [tickClaim(time, 'another'), gapClaim(HOUR, 'cron'), keyClaim('cron')])
      await on.complete(claim);
    await granted(on.two, request('another lock', { claim: tickClaim(time) }));
    await granted(on.two, request('job'));
  });

  endsOfPauses(it);
  paused(it);
}

function endsOfPauses(it: Define): void {
  it('is granted once the pause is over', async (on) => {
    const claim = recorded(tickClaim(await on.due()));
    const pause = { ...(await pauseAt(on)), until: (await on.now()) + SHORT };
    await on.pause(claim, pause);
    assertFields(await on.ask(claim), { status: 'paused', pause });
    await on.advance(SHORT);
    const wanted = request('job', { claim });
    await eventually('the pause is over', async () => {
      const { status } = await on.two.acquire(wanted, WITHIN);
      return status === 'granted';
    });
    assertFields(await on.read(claim), { pause: undefined });
  });

  it('may be paused anew, with another reason and another end', async (on) => {
    const claim = recorded(tickClaim(await on.due()));
    const first = await pauseAt(on);
    await on.pause(claim, { ...first, until: first.since + HOUR });
    const second = { ...first, reason: 'line 1\nline 2 "漢字"', by: "o'hara: {ops}" };
    await on.pause(claim, second);
    const reply = await on.ask(claim);
    assert.ok(reply.status === 'paused');
    assert.deepEqual(definedIn(reply.pause), second);
    assert.deepEqual(definedIn((await on.read(claim)).pause), second);
    await on.pause(claim, null);
    await on.pause(claim, null);
    await on.complete(claim);
  });
}

function paused(it: Define): void {
  it('is paused rather than early, behind, done or busy', async (on) => {
    const claim = tickClaim(await on.due());
    await on.complete(claim);
    await granted(on.one, request('job'));
    await on.pause(claim, await pauseAt(on));
    for (const time of [claim.time - MINUTE, claim.time, claim.time + HOUR])
      assertFields(await on.ask({ ...claim, time, askedAt: 0 }), { status: 'paused' });
  });

  it(
    'leaves the queue',
    async (on) => {
      const claim = recorded(tickClaim(await on.due()));
      const held = request('job');
      await granted(on.one, held);
      const waiter = request('job', { claim, waited: 0 });
      const unwatch = on.two.queue!.watch('job', () => {});
      await eventually('the waiter is queued', async () => {
        await on.two.acquire(waiter, WITHIN);
        return (await on.inspect('job'))?.waiters === 1;
      });
      await on.pause(claim, await pauseAt(on));
      assertFields(await on.two.acquire(waiter, WITHIN), { status: 'paused' });
      assertFields(await on.inspect('job'), { waiters: 0 });
      await on.one.release(ended(held), WITHIN);
      assert.equal(await on.inspect('job'), null);
      unwatch();
    },
    'queue',
  );
}

async function pauseAt(on: Subject): Promise<JobPause> {
  return { reason: 'the supplier is down', by: 'ops', since: await on.due() };
}

function definedIn(pause: JobPause | undefined): Partial<JobPause> {
  return Object.fromEntries(Object.entries(pause ?? {}).filter(([, value]) => value !== undefined));
}
