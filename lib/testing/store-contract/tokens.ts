import { strict as assert } from 'node:assert';
import { assertBetween, assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import { SHORT, WITHIN, ended, granted, request, tickClaim } from './subject.js';

const MICROSECONDS = 1000;

export function tokens(it: Define): void {
  it('starts at the time of the store in microseconds, a safe integer', async (on) => {
    const before = await on.now();
    const fencingToken = await granted(on.one, request('job'));
    assert.ok(Number.isSafeInteger(fencingToken));
    const after = await on.now();
    assertBetween(fencingToken, Math.floor(before * MICROSECONDS), (after + 1) * MICROSECONDS);
  });

  it('grows with each of hundreds of grants: after releases, with ticks, on either instance', async (on) => {
    const time = await on.due();
    const found: number[] = [];
    for (let i = 0; i < 300; i++) {
      const store = i % 2 === 0 ? on.one : on.two;
      const held = request('job', i % 3 === 0 ? { claim: tickClaim(time - 300 + i) } : {});
      found.push(await granted(store, held));
      await store.release(ended(held), WITHIN);
    }
    assertGrowth(found);
  });

  it('grows when many ask at once', async (on) => {
    const found: number[] = [];
    const runs = Array.from({ length: 8 }, async (_, i) => {
      const [store, wanted] = [i % 2 ? on.one : on.two, request('job')];
      let reply = await store.acquire(wanted, WITHIN);
      while (reply.status !== 'granted') reply = await store.acquire(wanted, WITHIN);
      found.push(reply.fencingToken);
      await store.release(ended(wanted), WITHIN);
    });
    await Promise.all(runs);
    assertGrowth(found);
  });

  it('grows when leases expire instead', async (on) => {
    const found: number[] = [];
    for (let i = 0; i < 5; i++) {
      found.push(await granted(i % 2 === 0 ? on.one : on.two, request('job', { ttl: SHORT })));
      await on.expiry('job');
    }
    assertGrowth(found);
  });

  it('grows when an owner is granted anew what it has lost', async (on) => {
    const wanted = request('job', { ttl: SHORT });
    const first = await granted(on.one, wanted);
    await on.expiry('job');
    assertGrowth([first, await granted(on.one, wanted)]);
  });

  it('stays the same through renewals and what others try', async (on) => {
    const held = request('job');
    const fencingToken = await granted(on.one, held);
    await on.one.renew([held], WITHIN);
    await on.two.acquire(request('job'), WITHIN);
    await on.two.release(ended(request('job'), 'void'), WITHIN);
    assertFields(await on.inspect('job'), { fencingToken });
  });
}

function assertGrowth(found: readonly number[]): void {
  const stuck = found.findIndex(
    (fencingToken, i) => !Number.isSafeInteger(fencingToken) || fencingToken <= (found[i - 1] ?? 0),
  );
  assert.deepEqual(stuck < 0 ? [] : found.slice(Math.max(0, stuck - 1), stuck + 1), []);
}
