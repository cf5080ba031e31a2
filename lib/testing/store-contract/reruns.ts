import { MAX_ATTEMPTS } from '../../stores/lock-store.js';
import { assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import { WITHIN, ended, granted, request, rerunClaim, tickClaim } from './subject.js';

/** Of ticks that are granted again until they were completed. */
export function reruns(it: Define): void {
  it('is busy, not done, while it runs', async (on) => {
    const claim = rerunClaim(await on.due());
    const held = request('job', { claim });
    await granted(on.one, held);
    assertFields(await on.ask(claim), { status: 'busy', owner: held.owner });
  });

  it('is granted again when its holder has died, and done once it was completed', async (on) => {
    const claim = rerunClaim(await on.due());
    await on.die(claim);
    await on.complete(claim);
    assertFields(await on.ask(claim), { status: 'done' });
  });

  it('is granted again when it was left unfinished', async (on) => {
    const claim = rerunClaim(await on.due());
    const held = request('job', { claim });
    await granted(on.one, held);
    await on.one.release(ended(held, 'unfinished'), WITHIN);
    await on.complete(claim);
  });

  it('is done as soon as a later one was granted', async (on) => {
    const time = await on.due();
    await on.die(rerunClaim(time - 1));
    await on.complete(rerunClaim(time));
    assertFields(await on.ask(rerunClaim(time - 1)), { status: 'done' });
  });

  it('is known as run by a replica that runs ticks once, and the other way round', async (on) => {
    const time = await on.due();
    await on.complete(tickClaim(time - 1));
    assertFields(await on.ask(rerunClaim(time - 1)), { status: 'done' });
    await on.complete(rerunClaim(time));
    assertFields(await on.ask(tickClaim(time)), { status: 'done' });
  });

  it('is completed by a release that comes when the lease has expired', async (on) => {
    const claim = rerunClaim(await on.due());
    const late = await on.die(claim);
    await on.one.release(ended(late, 'completed'), WITHIN);
    assertFields(await on.ask(claim), { status: 'done' });
  });

  it('is completed by a release that comes when another does something else', async (on) => {
    const claim = rerunClaim(await on.due());
    const late = await on.die(claim);
    const other = request('job');
    await granted(on.two, other);
    await on.one.release(ended(late, 'completed'), WITHIN);
    assertFields(await on.ask(claim), { status: 'done' });
    assertFields(await on.inspect('job'), { owner: other.owner });
  });

  it('is not completed by a holder that has lost it to another', async (on) => {
    const claim = rerunClaim(await on.due());
    const late = await on.die(claim);
    const other = request('job', { claim });
    await granted(on.two, other);
    await on.one.release(ended(late, 'completed'), WITHIN);
    await on.two.release(ended(other), WITHIN);
    await on.complete(claim);
  });

  it('is not completed again by a release that is repeated', async (on) => {
    const time = await on.due();
    const held = request('job', { claim: rerunClaim(time - 1) });
    await granted(on.one, held);
    await on.one.release(ended(held, 'completed'), WITHIN);
    await on.die(rerunClaim(time));
    await on.one.release(ended(held, 'completed'), WITHIN);
    await on.complete(rerunClaim(time));
  });

  attempts(it);
}

function attempts(it: Define): void {
  for (const most of [undefined, 1, 2]) {
    const limit = most ?? MAX_ATTEMPTS;
    it(`is given up when it was begun ${limit} times, which is said once (maxAttempts: ${most})`, async (on) => {
      const claim = rerunClaim(await on.due(), most);
      for (let i = 0; i < limit; i++) await on.die(claim);

      assertFields(await on.ask(claim), { status: 'done', attempts: limit });
      for (let i = 0; i < 2; i++) assertFields(await on.ask(claim), { status: 'done', attempts: undefined });
    });
  }

  it('is given up together with those before it, and says which application it belongs to', async (on) => {
    const claim = { ...rerunClaim(await on.due(), 1), application: 'shop' };
    await on.die(claim);
    assertFields(await on.ask(claim), { status: 'done', attempts: 1, application: 'shop' });
    const earlier = await on.ask({ ...claim, time: claim.time - 1 });
    assertFields(earlier, { status: 'done', attempts: undefined, application: 'shop' });
  });

  it('is granted anew for a later tick when one was given up', async (on) => {
    const time = await on.due();
    await on.die(rerunClaim(time - 1, 1));
    assertFields(await on.ask(rerunClaim(time - 1, 1)), { status: 'done', attempts: 1 });
    await on.die(rerunClaim(time, 2));
    await on.complete(rerunClaim(time, 2));
  });

  it('is busy, not given up, while it runs for the last time, and may still be completed', async (on) => {
    const claim = rerunClaim(await on.due(), 1);
    const last = request('job', { claim });
    await granted(on.one, last);
    assertFields(await on.ask(claim), { status: 'busy' });
    await on.one.release(ended(last, 'completed'), WITHIN);
    assertFields(await on.ask(claim), { status: 'done', attempts: undefined });
  });

  it('may still be completed by a release that comes too late for the lease', async (on) => {
    const claim = rerunClaim(await on.due(), 1);
    const last = await on.die(claim);
    await on.one.release(ended(last, 'completed'), WITHIN);
    assertFields(await on.ask(claim), { status: 'done', attempts: undefined });
  });
}
