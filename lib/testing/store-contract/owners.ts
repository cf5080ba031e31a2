import { strict as assert } from 'node:assert';
import { assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import {
  EVERY_CLAIM,
  LONG,
  MARKED_AT_GRANT,
  SHORT,
  WITHIN,
  ended,
  gapClaim,
  granted,
  request,
  rerunClaim,
  tickClaim,
} from './subject.js';

/** An owner may ask again, at the instance that it has asked: the reply to its request may have been lost. */
export function askingAgain(it: Define): void {
  it('is granted the lock that it holds, with the same fencing token', async (on) => {
    const wanted = request('job');
    const fencingToken = await granted(on.one, wanted);
    for (let i = 0; i < 2; i++) assert.equal(await granted(on.one, wanted), fencingToken);
  });

  it('has its full TTL again', async (on) => {
    const wanted = request('job', { ttl: SHORT });
    await granted(on.one, request('beside', { ttl: SHORT }));
    await granted(on.one, wanted);
    await granted(on.one, { ...wanted, ttl: LONG });
    await on.expiry('beside');
    assert.equal(await on.ownerOf('job'), wanted.owner);
  });

  for (const [name, claimAt] of EVERY_CLAIM) {
    it(`is granted ${name} that it was granted, with the same fencing token`, async (on) => {
      const wanted = request('job', { claim: claimAt(await on.due()) });
      const fencingToken = await granted(on.one, wanted);
      for (let i = 0; i < 2; i++) assert.equal(await granted(on.one, wanted), fencingToken);
      assert.equal(await on.one.release(ended(wanted, 'completed'), WITHIN), 'held');
      assertFields(await on.ask(wanted.claim!), { status: 'done' });
    });

    it(`is granted ${name} again when its lease has expired meanwhile`, async (on) => {
      const wanted = await on.die(claimAt(await on.due()));
      await granted(on.one, { ...wanted, ttl: LONG });
      assert.equal(await on.one.release(ended(wanted, 'completed'), WITHIN), 'held');
      assertFields(await on.ask(wanted.claim!), { status: 'done' });
    });

    it(`is busy when its lease has expired and another holds the lock: ${name}`, async (on) => {
      const wanted = await on.die(claimAt(await on.due()));
      const other = request('job');
      await granted(on.two, other);
      assertFields(await on.one.acquire(wanted, WITHIN), { status: 'busy', owner: other.owner });
      await on.two.release(ended(other), WITHIN);
      await granted(on.one, wanted);
    });
  }

  it('is granted this very tick and none before it', async (on) => {
    const time = await on.due();
    const wanted = await on.die(tickClaim(time));
    const earlier = { ...wanted, claim: tickClaim(time - 1) };
    assertFields(await on.one.acquire(earlier, WITHIN), { status: 'done' });
  });

  it('finds its tick done when a later one was granted to another', async (on) => {
    const time = await on.due();
    for (const claim of [tickClaim(time, 'once'), rerunClaim(time)]) {
      const wanted = await on.die({ ...claim, time: time - 1 });
      await on.complete(claim);
      assertFields(await on.one.acquire(wanted, WITHIN), { status: 'done' });
    }
  });

  it('finds its gap done when another was granted one since', async (on) => {
    const gap = 5 * SHORT;
    const wanted = request('job', { claim: gapClaim(gap), ttl: gap + SHORT });
    await granted(on.one, wanted);
    await on.expiry('job');
    await on.complete(gapClaim(gap));
    assertFields(await on.one.acquire(wanted, WITHIN), { status: 'done' });
  });

  it('finds its tick done when another has begun and completed it', async (on) => {
    const claim = rerunClaim(await on.due());
    const wanted = await on.die(claim);
    await on.complete(claim);
    assertFields(await on.one.acquire(wanted, WITHIN), { status: 'done' });
  });

  it('begins a tick once, however often it asks', async (on) => {
    const claim = rerunClaim(await on.due(), 2);
    const wanted = await on.die(claim);
    for (let i = 0; i < 3; i++) {
      for (let asked = 0; asked < 2; asked++) await granted(on.one, wanted);
      await on.expiry('job');
    }
    await on.die(claim);
    assertFields(await on.ask(claim), { status: 'done', attempts: 2 });
  });

  it('is granted the last attempt that it was granted, which is not given up', async (on) => {
    const claim = rerunClaim(await on.due(), 1);
    const wanted = await on.die(claim);
    await granted(on.one, { ...wanted, ttl: LONG });
    await on.one.release(ended(wanted, 'completed'), WITHIN);
    const reply = await on.ask(claim);
    assertFields(reply, { status: 'done', attempts: undefined });
  });

  it('finds a tick done that another has given up since', async (on) => {
    const claim = rerunClaim(await on.due(), 1);
    const wanted = await on.die(claim);
    assertFields(await on.ask(claim), { status: 'done', attempts: 1 });
    assertFields(await on.one.acquire(wanted, WITHIN), { status: 'done' });
  });

  for (const [name, claimAt] of MARKED_AT_GRANT) {
    it(`keeps ${name} from others although it might ask again`, async (on) => {
      const claim = claimAt(await on.due());
      const held = request('job', { claim });
      await granted(on.one, held);
      const expected = claim.kind === 'tick' && claim.rerun ? 'busy' : 'done';
      assertFields(await on.ask(claim), { status: expected });
    });
  }
}
