import { strict as assert } from 'node:assert';
import type { AcquireRequest, Claim } from '../../stores/lock-store.js';
import { assertFields, eventually } from './checks.js';
import type { Define } from './contract-case.js';
import {
  EVERY_CLAIM,
  MARKED_AT_GRANT,
  WITHIN,
  ended,
  gapClaim,
  granted,
  keyClaim,
  request,
  rerunClaim,
  tickClaim,
  type Subject,
} from './subject.js';

/** An acquisition that is void was not begun: its caller has not heard of the grant, or does not want it any more. */
export function voids(it: Define): void {
  for (const [name, claimAt] of EVERY_CLAIM) {
    it(`can be claimed again at once: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      const lost = request('job', { claim });
      await granted(on.one, lost);
      assert.equal(await on.two.release(ended(lost, 'void'), WITHIN), 'held');
      await on.complete(claim);
    });

    it(`is given back once: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      const lost = request('job', { claim });
      await granted(on.one, lost);
      await on.one.release(ended(lost, 'void'), WITHIN);
      const next = request('job', { claim });
      await granted(on.two, next);
      assert.equal(await on.one.release(ended(lost, 'void'), WITHIN), 'taken');
      assertFields(await on.inspect('job'), { owner: next.owner });
      await on.two.release(ended(next, 'completed'), WITHIN);
      assertFields(await on.ask(claim), { status: 'done' });
    });

    it(`takes nothing from a stranger: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      await on.complete(claim);
      assert.equal(await on.two.release(ended(request('job', { claim }), 'void'), WITHIN), 'vanished');
      assertFields(await on.ask(claim), { status: 'done' });
    });
  }

  for (const [name, claimAt] of MARKED_AT_GRANT) {
    it(`can be claimed again when the lease has expired: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      const late = await on.die(claim);
      assert.equal(await on.one.release(ended(late, 'void'), WITHIN), 'vanished');
      await on.complete(claim);
    });

    it(`can be claimed again when another has the lock since: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      const late = await on.die(claim);
      const other = request('job');
      await granted(on.two, other);
      assert.equal(await on.one.release(ended(late, 'void'), WITHIN), 'taken');
      assert.equal(await on.two.release(ended(other), WITHIN), 'held');
      await on.complete(claim);
    });

    it(`can be claimed again among the marks of many others: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      const late = await on.die(claim);
      for (let i = 0; i < 20; i++) await on.complete(keyClaim(`key-${i}`));
      await on.one.release(ended(late, 'void'), WITHIN);
      await on.complete(claim);
    });

    it(`leaves done what is not void: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      const held = request('job', { claim });
      await granted(on.one, held);
      await on.one.release(ended(held, 'completed'), WITHIN);
      assertFields(await on.ask(claim), { status: 'done' });
    });
  }

  it('leaves a tick done that is unfinished', async (on) => {
    for (const claim of [tickClaim(await on.due()), gapClaim()]) {
      const held = request('job', { claim });
      await granted(on.one, held);
      await on.one.release(ended(held, 'unfinished'), WITHIN);
      assertFields(await on.ask(claim), { status: 'done' });
    }
  });

  earlierTicks(it);
  lostReplies(it);
}

function earlierTicks(it: Define): void {
  it('gives back the tick, and none before it', async (on) => {
    const time = await on.due();
    for (const claim of [tickClaim(time, 'once'), rerunClaim(time)]) {
      const lost = request('job', { claim });
      await granted(on.one, lost);
      await on.one.release(ended(lost, 'void'), WITHIN);
      assertFields(await on.ask({ ...claim, time: time - 1 }), { status: 'done' });
      await on.complete(claim);
    }
  });

  it('stays done if another was granted a later tick since', async (on) => {
    const time = await on.due();
    const late = await on.die(tickClaim(time - 1));
    await on.die(tickClaim(time));
    await on.one.release(ended(late, 'void'), WITHIN);
    assertFields(await on.ask(tickClaim(time)), { status: 'done' });
    assertFields(await on.ask(tickClaim(time - 1)), { status: 'done' });
  });

  it('is no attempt, also if that is said twice', async (on) => {
    const claim = rerunClaim(await on.due(), 2);
    await on.die(claim);
    for (let i = 0; i < 3; i++) {
      const lost = request('job', { claim });
      await granted(on.one, lost);
      for (let said = 0; said < 2; said++) await on.one.release(ended(lost, 'void'), WITHIN);
    }
    await on.die(claim);
    assertFields(await on.ask(claim), { status: 'done', attempts: 2 });
  });

  it('does not reopen a tick that was given up, if the one that gave it up is void', async (on) => {
    const claim = rerunClaim(await on.due(), 1);
    await on.die(claim);
    const unheard = request('job', { claim });
    assertFields(await on.one.acquire(unheard, WITHIN), { status: 'done', attempts: 1 });
    await on.one.release(ended(unheard, 'void'), WITHIN);
    for (let i = 0; i < 2; i++) assertFields(await on.ask(claim), { status: 'done' });
  });

  it('does not reopen a tick that was given up, if the last to begin it is void', async (on) => {
    const claim = rerunClaim(await on.due(), 1);
    const last = await on.die(claim);
    assertFields(await on.ask(claim), { status: 'done', attempts: 1 });
    await on.one.release(ended(last, 'void'), WITHIN);
    assertFields(await on.ask(claim), { status: 'done' });
  });
}

/** What happens when a caller gives up before it has its reply. */
function lostReplies(it: Define): void {
  for (const [name, claimAt] of EVERY_CLAIM) {
    it(`blocks nobody when its caller has given up waiting for the reply: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      for (let i = 0; i < 10; i++) {
        const wanted = request('job', { claim });
        await on.one.acquire(wanted, 1).catch(() => undefined);
        await on.one.release(ended(wanted, 'void'), WITHIN);
      }
      await eventually('nobody holds the lock', async () => (await on.inspect('job')) === null);
      await on.complete(claim);
    });

    it(
      `is found by an owner that asks again since the reply was lost: ${name}`,
      async (on) => {
        const claim = claimAt(await on.due());
        const wanted = await loseReply(on, claim);
        await granted(on.one, wanted);
        await on.one.release(ended(wanted, 'completed'), WITHIN);
        assertFields(await on.ask(claim), { status: 'done' });
      },
      'holdReplies',
    );

    it(
      `is not granted when a copy of its request arrives only afterwards: ${name}`,
      async (on) => {
        const claim = claimAt(await on.due());
        const wanted = await loseReply(on, claim);
        await on.one.release(ended(wanted, 'void'), WITHIN);
        for (const store of [on.one, on.two]) {
          const { status } = await store.acquire(wanted, WITHIN);
          assert.notEqual(status, 'granted');
        }
        assert.equal(await on.inspect('job'), null);
        await on.complete(claim);
      },
      'holdReplies',
    );
  }
}

/** Acquires, and gives up since no reply comes. The request may have been carried out, or may still be. */
async function loseReply(on: Subject, claim: Claim): Promise<AcquireRequest> {
  const wanted = request('job', { claim });
  const goOn = await on.holdReplies();
  try {
    const failure = await on.one.acquire(wanted, 100).then(
      ({ status }) => assert.fail(`the reply was held back, but came: ${status}`),
      (error: unknown) => error,
    );
    assertFields(failure, { code: 'LOCK_STORE', mayHaveRun: true });
  } finally {
    await goOn();
  }
  return wanted;
}
