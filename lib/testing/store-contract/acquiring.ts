import { strict as assert } from 'node:assert';
import { assertBetween, assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import { LONG, SHORT, WITHIN, ended, granted, request, tickClaim } from './subject.js';

export function acquiring(it: Define): void {
  it('grants a free lock', async (on) => {
    assert.ok((await granted(on.one, request('job'))) > 0);
  });

  it('says who holds a lock that is busy, and for how long', async (on) => {
    const held = request('job', { ttl: 10_000 });
    await granted(on.one, held);
    for (const store of [on.one, on.two]) {
      const reply = await store.acquire(request('job'), WITHIN);
      assertFields(reply, { status: 'busy', owner: held.owner });
      assertBetween((reply as { remaining?: number }).remaining, 10_000 - WITHIN, 10_000);
    }
  });

  it('leaves the holder alone when it turns others away', async (on) => {
    const held = request('job');
    const fencingToken = await granted(on.one, held);
    await on.two.acquire(request('job', { ttl: 2 * LONG }), WITHIN);
    const { remaining, ...rest } = (await on.inspect('job'))!;
    assertFields(rest, { owner: held.owner, fencingToken });
    assertBetween(remaining, 1, LONG);
  });

  it('grants the lock to another once it is released', async (on) => {
    const held = request('job');
    await granted(on.one, held);
    await on.one.release(ended(held), WITHIN);
    await granted(on.two, request('job'));
  });

  it('grants the lock to another once it has expired', async (on) => {
    await granted(on.one, request('job', { ttl: SHORT }));
    await on.expiry('job');
    await granted(on.two, request('job'));
  });

  it('keeps locks of different names apart', async (on) => {
    await granted(on.one, request('job'));
    await granted(on.two, request('job2'));
  });

  it('grants a lock that two instances want at once to exactly one, fifty times', async (on) => {
    for (let round = 0; round < 50; round++) {
      const rivals = [request('job'), request('job')] as const;
      const replies = await Promise.all([
        on.one.acquire(rivals[0], WITHIN),
        on.two.acquire(rivals[1], WITHIN),
      ]);
      assert.deepEqual(replies.map(({ status }) => status).toSorted(), ['busy', 'granted']);
      const won = replies[0].status === 'granted' ? 0 : 1;
      assertFields(replies[1 - won], { status: 'busy', owner: rivals[won].owner });
      assert.equal(await on.one.release(ended(rivals[won]), WITHIN), 'held');
    }
  });

  it('grants one of many attempts that one instance makes at once', async (on) => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => on.one.acquire(request('job'), WITHIN)),
    );
    assert.equal(replies.filter(({ status }) => status === 'granted').length, 1);
  });

  it('passes the lock on among many that ask at once until each has had it', async (on) => {
    let holders = 0;
    const runs = Array.from({ length: 16 }, async (_, i) => {
      const [store, wanted] = [i % 2 ? on.one : on.two, request('job')];
      while ((await store.acquire(wanted, WITHIN)).status !== 'granted') await on.advance(1);
      assert.equal(++holders, 1);
      await store.inspect('job', WITHIN);
      holders--;
      assert.equal(await store.release(ended(wanted), WITHIN), 'held');
    });
    await Promise.all(runs);
  });

  it(
    'does not see locks under another prefix',
    async (on) => {
      const claim = tickClaim(await on.due());
      const [ours, theirs] = [request('job', { claim }), request('job', { claim })];
      const fencingToken = await granted(on.one, ours);
      assert.equal(await on.otherPrefix.inspect('job', WITHIN), null);
      assert.equal(await on.otherPrefix.release(ended(ours), WITHIN), 'vanished');
      await granted(on.otherPrefix, theirs);
      assertFields(await on.inspect('job'), { owner: ours.owner, fencingToken });
    },
    'otherPrefix',
  );
}
