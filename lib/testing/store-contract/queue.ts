import { strict as assert } from 'node:assert';
import { GRANT_TIMEOUT, WAITER_RETENTION } from '../../stores/lock-store.js';
import { assertBetween, assertFields, eventually } from './checks.js';
import type { Define } from './contract-case.js';
import { queueUp } from './queue-up.js';
import { LONG, SHORT, WITHIN, ended, granted, request } from './subject.js';

export function queue(define: Define): void {
  const it: Define = (name, check, ...needs) => define(name, check, 'queue', ...needs);

  it('is given the lock, and notified, when the holder releases it', async (on) => {
    const held = request('a');
    const fencingToken = await granted(on.one, held);
    const waiter = await queueUp(on.two, request('a'));

    assert.equal(await on.one.release(ended(held), WITHIN), 'held');

    await eventually('the waiter is notified', () => waiter.notified > 0);
    const given = await on.inspect('a');
    assertFields(given, { owner: waiter.request.owner, holder: waiter.request.holder });
    assertBetween(given?.remaining, 1, GRANT_TIMEOUT);
    assertBetween(given?.fencingToken, fencingToken + 1, Infinity);
    for (const grant of waiter.grants)
      assertFields(grant, { owner: waiter.request.owner, fencingToken: given?.fencingToken });
    assert.equal(await granted(on.two, waiter.request), given?.fencingToken);
    assertBetween((await on.inspect('a'))?.remaining, LONG - 5000, LONG);
    waiter.stop();
  });

  it('gives the lock to the one that has waited longest', async (on) => {
    const held = request('a');
    await granted(on.one, held);
    const young = await queueUp(on.one, request('a', { waited: 10 }));
    const old = await queueUp(on.two, request('a', { waited: 10_000 }));
    const youngest = await queueUp(on.two, request('a', { waited: 0 }));

    await on.one.release(ended(held), WITHIN);
    for (const { request: next } of [old, young, youngest]) {
      assert.equal(await on.ownerOf('a'), next.owner);
      await on.two.release(ended(next), WITHIN);
    }
    assert.equal(await on.inspect('a'), null);
    for (const { stop } of [young, old, youngest]) stop();
  });

  it('lets no newcomer pass when the lock has expired', async (on) => {
    await granted(on.one, request('a', { ttl: SHORT }));
    const waiter = await queueUp(on.two, request('a'));
    await on.expiry('a');

    const reply = await on.one.acquire(request('a'), WITHIN);
    assertFields(reply, { status: 'busy', owner: waiter.request.owner });
    await granted(on.two, waiter.request);
    waiter.stop();
  });

  it('keeps the place of one that asks again, and counts it once', async (on) => {
    const held = request('a');
    await granted(on.one, held);
    const first = await queueUp(on.one, request('a', { waited: 20 }));
    const second = await queueUp(on.two, request('a', { waited: 10 }));
    await on.one.acquire(first.request, WITHIN);
    assertFields(await on.inspect('a'), { waiters: 2 });

    await on.one.release(ended(held), WITHIN);

    assert.equal(await on.ownerOf('a'), first.request.owner);
    for (const { stop } of [first, second]) stop();
  });

  it('does not queue a caller that does not want to wait', async (on) => {
    const held = request('a');
    await granted(on.one, held);
    await on.two.acquire(request('a'), WITHIN);
    assertFields(await on.inspect('a'), { waiters: 0 });
    await on.one.release(ended(held), WITHIN);
    assert.equal(await on.inspect('a'), null);
  });

  it('forgets one that is void, and passes on what it was just given', async (on) => {
    const held = request('a');
    await granted(on.one, held);
    const first = await queueUp(on.one, request('a', { waited: 30 }));
    const second = await queueUp(on.two, request('a', { waited: 20 }));
    const third = await queueUp(on.two, request('a', { waited: 10 }));
    assert.equal(await on.one.release(ended(first.request, 'void'), WITHIN), 'taken');
    await on.one.release(ended(held), WITHIN);
    assert.equal(await on.ownerOf('a'), second.request.owner);

    assert.equal(await on.two.release(ended(second.request, 'void'), WITHIN), 'held');

    assert.equal(await on.ownerOf('a'), third.request.owner);
    await on.two.release(ended(third.request, 'void'), WITHIN);
    assert.equal(await on.inspect('a'), null);
    for (const { stop } of [first, second, third]) stop();
  });

  it('does not take the lock from another when one is void that waits', async (on) => {
    const held = request('a');
    const fencingToken = await granted(on.one, held);
    const waiter = await queueUp(on.two, request('a'));
    await on.two.release(ended(waiter.request, 'void'), WITHIN);
    assertFields(await on.inspect('a'), { owner: held.owner, fencingToken, waiters: 0 });
    waiter.stop();
  });

  it(
    'keeps the lock for a waiter for a time, and passes it on if that does not ask',
    async (on) => {
      const held = request('a');
      await granted(on.one, held);
      const dead = await queueUp(on.one, request('a', { waited: 20 }));
      const second = await queueUp(on.two, request('a', { waited: 10 }));
      await on.one.release(ended(held), WITHIN);
      await on.advance(GRANT_TIMEOUT - 1);
      assertFields(await on.two.acquire(second.request, WITHIN), { status: 'busy' });
      await on.advance(1);
      await granted(on.two, second.request);
      for (const { stop } of [dead, second]) stop();
    },
    'advance',
  );

  it(
    'forgets a waiter that has not asked for a while',
    async (on) => {
      const held = request('a', { ttl: 10 * WAITER_RETENTION });
      await granted(on.one, held);
      const dead = await queueUp(on.one, request('a', { waited: 20 }));
      const second = await queueUp(on.two, request('a', { waited: 10 }));
      await on.advance(WAITER_RETENTION / 2);
      await on.two.acquire(second.request, WITHIN);
      await on.advance(WAITER_RETENTION / 2 + 1);
      await on.one.release(ended(held), WITHIN);
      assert.equal(await on.ownerOf('a'), second.request.owner);
      for (const { stop } of [dead, second]) stop();
    },
    'advance',
  );
}
