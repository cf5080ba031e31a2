import { strict as assert } from 'node:assert';
import { assertBetween, assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import { LONG, SHORT, WITHIN, ended, granted, request } from './subject.js';

export function renewing(it: Define): void {
  it('answers for each lease, in the order of the requests', async (on) => {
    const [held, taken, vanished, other] = [request('a'), request('b'), request('c'), request('d')];
    await granted(on.one, held);
    await granted(on.two, request('b'));
    await granted(on.one, other);
    const replies = await on.one.renew([held, taken, vanished, other], WITHIN);
    assert.deepEqual(replies, ['held', 'taken', 'vanished', 'held']);
    const reversed = await on.one.renew([vanished, other, taken, held], WITHIN);
    assert.deepEqual(reversed, ['vanished', 'held', 'taken', 'held']);
  });

  it('answers nothing when nothing is asked', async (on) => {
    assert.deepEqual(await on.one.renew([], WITHIN), []);
  });

  it('renews a thousand leases at once', async (on) => {
    // A store of files writes a thousand of them, which a busy machine is in no hurry to do.
    const within = 20 * WITHIN;
    const holders = Array.from({ length: 1001 }, (_, i) => request(`job ${i}`, { ttl: within }));
    await Promise.all(holders.filter((_, i) => i % 2 === 0).map((holder) => granted(on.one, holder)));
    const replies = await on.one.renew(holders, within);
    const expected = holders.map((_, i) => (i % 2 === 0 ? 'held' : 'vanished'));
    assert.deepEqual(replies, expected);
  });

  it('makes a lease live on past its first TTL', async (on) => {
    const held = request('job', { ttl: SHORT });
    await granted(on.one, request('beside', { ttl: SHORT }));
    await granted(on.one, held);
    assert.deepEqual(await on.one.renew([{ ...held, ttl: LONG }], WITHIN), ['held']);
    await on.expiry('beside');

    const found = await on.two.inspect('job', WITHIN);
    assertFields(found, { owner: held.owner });
    assertBetween(found?.remaining, SHORT + 1, LONG);
    assertFields(await on.two.acquire(request('job'), WITHIN), { status: 'busy' });
  });

  it('counts the TTL from the renewal, also a shorter one', async (on) => {
    const held = request('job');
    await granted(on.one, held);
    await on.one.renew([{ ...held, ttl: SHORT }], WITHIN);
    await on.expiry('job');
    await granted(on.two, request('job'));
  });

  it('works from any instance, since the owner is what counts', async (on) => {
    const held = request('job');
    await granted(on.one, held);
    assert.deepEqual(await on.two.renew([held], WITHIN), ['held']);
  });

  it('does not create a lock that nobody holds', async (on) => {
    assert.deepEqual(await on.one.renew([request('job')], WITHIN), ['vanished']);
    assert.equal(await on.inspect('job'), null);
  });

  it("does not prolong another's lease", async (on) => {
    await granted(on.one, request('job'));
    assert.deepEqual(await on.two.renew([request('job', { ttl: 10 * LONG })], WITHIN), ['taken']);
    assertBetween((await on.inspect('job'))?.remaining, 1, LONG);
  });

  it('takes no owner for another that begins alike', async (on) => {
    await granted(on.one, request('job', { owner: 'process.12' }));
    assert.deepEqual(await on.one.renew([request('job', { owner: 'process.1' })], WITHIN), ['taken']);
    assert.deepEqual(await on.one.renew([request('job', { owner: 'PROCESS.12' })], WITHIN), ['taken']);
  });
}

export function releasing(it: Define): void {
  for (const end of ['completed', 'unfinished', 'void'] as const) {
    it(`frees the lock for its holder, once: ${end}`, async (on) => {
      const held = request('job');
      await granted(on.one, held);
      assert.equal(await on.two.release(ended(held, end), WITHIN), 'held');
      assert.equal(await on.inspect('job'), null);
      assert.equal(await on.one.release(ended(held, end), WITHIN), 'vanished');
    });

    it(`changes nothing for a stranger: ${end}`, async (on) => {
      const held = request('job');
      const fencingToken = await granted(on.one, held);
      assert.equal(await on.two.release(ended(request('job'), end), WITHIN), 'taken');
      assertFields(await on.inspect('job'), { owner: held.owner, fencingToken });
      assert.deepEqual(await on.one.renew([held], WITHIN), ['held']);
    });

    it(`finds a free lock vanished: ${end}`, async (on) => {
      assert.equal(await on.one.release(ended(request('job'), end), WITHIN), 'vanished');
    });
  }
}

export function expiry(it: Define): void {
  it('is noticed by the holder if nobody has the lock since', async (on) => {
    const old = request('job', { ttl: SHORT });
    await granted(on.one, old);
    await on.expiry('job');
    assert.deepEqual(await on.one.renew([old], WITHIN), ['vanished']);
    assert.equal(await on.one.release(ended(old), WITHIN), 'vanished');
    assert.equal(await on.inspect('job'), null);
  });

  it('leaves the next holder untouched by the one before', async (on) => {
    const [old, next] = [request('job', { ttl: SHORT }), request('job')];
    await granted(on.one, old);
    await on.expiry('job');
    await granted(on.two, next);

    assert.deepEqual(await on.one.renew([old], WITHIN), ['taken']);
    assert.equal(await on.one.release(ended(old), WITHIN), 'taken');
    assertFields(await on.one.acquire(old, WITHIN), { status: 'busy', owner: next.owner });
    assertFields(await on.two.inspect('job', WITHIN), { owner: next.owner });
    assert.deepEqual(await on.two.renew([next], WITHIN), ['held']);
  });

  it('does not come before the TTL has passed', async (on) => {
    const start = performance.now();
    await granted(on.one, request('job', { ttl: SHORT }));
    await on.expiry('job');
    // Two clocks measure here, so allow their rounding.
    if (!on.standsStill) assertBetween(performance.now() - start, SHORT - 2, Infinity);
  });

  it(
    'comes to the millisecond',
    async (on) => {
      await granted(on.one, request('job', { ttl: SHORT }));
      await on.advance(SHORT - 1);
      assertFields(await on.two.acquire(request('job'), WITHIN), { status: 'busy', remaining: 1 });
      await on.advance(1);
      await granted(on.two, request('job'));
    },
    'advance',
  );
}
