import { strict as assert } from 'node:assert';
import type { Claim } from '../../stores/lock-store.js';
import { assertBetween, assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import { queueUp } from './queue-up.js';
import { EVERY_CLAIM, LONG, WITHIN, ended, granted, request, tickClaim, type Subject } from './subject.js';

/** A claim is decided when its waiter asks, not when it is given the lock. */
export function queuedClaims(define: Define): void {
  const it: Define = (name, check, ...needs) => define(name, check, 'queue', ...needs);

  for (const [name, claimAt] of EVERY_CLAIM) {
    it(`is granted when the waiter that was given the lock asks: ${name}`, async (on) => {
      await grantedFromQueue(on, claimAt(await on.due()));
    });

    it(`is open when the waiter that was given the lock died instead of asking: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      const held = request('job');
      await granted(on.one, held);
      const waiter = await queueUp(on.two, request('job', { claim }));
      await on.one.release(ended(held), WITHIN);
      await on.one.release(ended({ ...waiter.request, claim: undefined }), WITHIN);
      await on.complete(claim);
      waiter.stop();
    });

    it(`is done, and the lock passed on, if another has run it meanwhile: ${name}`, async (on) => {
      await runByAnother(on, claimAt(await on.due()));
    });
  }

  it('that is done takes its waiter out of the queue', async (on) => {
    const claim = tickClaim(await on.due());
    const held = request('job');
    await granted(on.one, held);
    const waiter = await queueUp(on.two, request('job', { claim: { ...claim, time: claim.time - 1 } }));
    const other = await queueUp(on.one, request('job', { claim, waited: 1000 }));
    await on.one.release(ended(held), WITHIN);
    await granted(on.one, other.request);
    assertFields(await on.inspect('job'), { waiters: 1 });

    assertFields(await on.two.acquire(waiter.request, WITHIN), { status: 'done' });

    assertFields(await on.inspect('job'), { waiters: 0 });
    for (const { stop } of [waiter, other]) stop();
  });
}

async function grantedFromQueue(on: Subject, claim: Claim): Promise<void> {
  const held = request('job');
  await granted(on.one, held);
  const waiter = await queueUp(on.two, request('job', { claim }));
  await on.one.release(ended(held), WITHIN);
  const { owner, fencingToken } = (await on.inspect('job'))!;
  assert.equal(owner, waiter.request.owner);

  // A second copy of the request finds its own mark.
  for (let i = 0; i < 2; i++) assert.equal(await granted(on.two, waiter.request), fencingToken);

  assertBetween((await on.inspect('job'))?.remaining, LONG - 5000, LONG);
  await on.two.release(ended(waiter.request, 'completed'), WITHIN);
  assertFields(await on.ask(claim), { status: 'done' });
  waiter.stop();
}

async function runByAnother(on: Subject, claim: Claim): Promise<void> {
  const held = request('job');
  await granted(on.one, held);
  const runner = await queueUp(on.one, request('job', { claim, waited: 30_000 }));
  const first = await queueUp(on.two, request('job', { claim, waited: 20_000 }));
  const second = await queueUp(on.one, request('job', { waited: 10_000 }));
  await on.one.release(ended(held), WITHIN);
  await granted(on.one, runner.request);
  await on.one.release(ended(runner.request, 'completed'), WITHIN);

  assert.equal(await on.ownerOf('job'), first.request.owner);
  assertFields(await on.two.acquire(first.request, WITHIN), { status: 'done' });

  assert.equal(await on.ownerOf('job'), second.request.owner);
  await on.one.release(ended(second.request), WITHIN);
  assert.equal(await on.inspect('job'), null);
  for (const { stop } of [runner, first, second]) stop();
}
