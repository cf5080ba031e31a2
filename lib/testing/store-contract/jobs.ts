import { strict as assert } from 'node:assert';
import type { JobRequest } from '../../stores/lock-store.js';
import { assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import {
  EVERY_CLAIM,
  HOUR,
  MINUTE,
  WITHIN,
  ended,
  gapClaim,
  granted,
  keyClaim,
  recorded,
  request,
  rerunClaim,
  tickClaim,
} from './subject.js';

/** What is known of a job, and runs by hand, which need no claim. */
export function jobs(it: Define): void {
  it('that was never run has no runs', async (on) => {
    for (const claim of [tickClaim(0), gapClaim(), keyClaim()])
      assertFields(await on.read(claim), { lastTick: undefined, pause: undefined, runs: [] });
  });

  it('has its last runs, the newest first', async (on) => {
    const time = (await on.due()) - 10;
    for (let i = 0; i < 10; i++) {
      await on.complete(recorded(tickClaim(time + i), 3));
      const { runs } = await on.read(tickClaim(time));
      const ticks = [time + i, time + i - 1, time + i - 2].slice(0, i + 1);
      assert.deepEqual(
        runs.map(({ tick }) => tick),
        ticks,
      );
    }
  });

  it('has as many runs as the last claim says', async (on) => {
    const time = (await on.due()) - 10;
    const lengths = [];
    for (const [i, history] of [4, 4, 4, 2, 4, 1, 0].entries()) {
      await on.complete(recorded(tickClaim(time + i), history));
      lengths.push((await on.read(tickClaim(time))).runs.length);
    }
    assert.deepEqual(lengths, [1, 2, 3, 2, 3, 1, 0]);
  });

  it('is read together with many others, in the order that was asked for', async (on) => {
    const time = await on.due();
    const asked: JobRequest[] = [];
    for (let i = 0; i < 20; i++) {
      const name = `lock ${i % 7}: {x}`;
      const claim = recorded(tickClaim(time, `job-${i}`));
      const wanted = request(name, { claim: { ...claim, replica: `web-${i}` } });
      await granted(on.one, wanted);
      await on.one.release(ended(wanted), WITHIN);
      asked.unshift({ name, kind: 'tick', job: `job-${i}` }, { name, kind: 'gap', job: `job-${i}` });
    }
    const states = await on.two.runs!.read(asked, WITHIN);
    const replicas = states.map(({ runs }) => runs.map(({ replica }) => replica).join());
    const expected = Array.from({ length: 20 }, (_, i) => [`web-${19 - i}`, '']).flat();
    assert.deepEqual(replicas, expected);
    assert.deepEqual(await on.two.runs!.read([], WITHIN), []);
  });

  it('has a last tick, if it has ticks, whether its runs are recorded or not', async (on) => {
    const time = await on.due();
    for (const claim of [
      tickClaim(time, 'one'),
      recorded(tickClaim(time, 'other')),
      recorded(rerunClaim(time)),
    ]) {
      await on.die(claim);
      assertFields(await on.read(claim), { lastTick: time });
    }
    for (const claim of [recorded(gapClaim()), recorded(keyClaim())]) {
      await on.complete(claim);
      assertFields(await on.read(claim), { lastTick: undefined });
    }
  });

  it('has a last tick before one that was given back', async (on) => {
    const time = await on.due();
    const claim = recorded(tickClaim(time));
    await on.complete({ ...claim, time: time - MINUTE });
    const unheard = request('job', { claim });
    await granted(on.one, unheard);
    await on.one.release(ended(unheard, 'void'), WITHIN);
    const { lastTick, runs } = await on.read(claim);
    assert.ok(lastTick !== undefined && lastTick < time, `${lastTick} is before ${time}`);
    assertFields(runs, { length: 1 });
  });

  it('remembers a key for as long as the claim says, though its runs are remembered for longer', async (on) => {
    const claim = recorded(keyClaim('["v1"]', 60));
    await on.complete(claim);
    await on.advance(61);
    const wanted = request('job', { claim });
    for (let reply = await on.two.acquire(wanted, WITHIN); reply.status !== 'granted';) {
      assertFields(reply, { status: 'done' });
      reply = await on.two.acquire(wanted, WITHIN);
    }
    assertFields((await on.read(claim)).runs, { length: 2 });
  });

  byHand(it);
}

function byHand(it: Define): void {
  for (const [name, claimAt] of EVERY_CLAIM)
    it(`is run by hand, which is recorded and decides nothing: ${name}`, async (on) => {
      const claim = recorded(claimAt(await on.due()));
      for (let i = 0; i < 2; i++) await on.complete({ ...claim, byHand: true });
      await on.complete(claim);
      await on.complete({ ...claim, byHand: true });
      assertFields(await on.ask(claim), { status: 'done' });

      const { runs } = await on.read(claim);
      assert.deepEqual(
        runs.map(({ by }) => by),
        ['hand', undefined, 'hand', 'hand'],
      );
      const tick = claim.kind === 'tick' ? claim.time : undefined;
      assert.deepEqual(
        runs.map((run) => run.tick),
        [undefined, tick, undefined, undefined],
      );
      assertFields(runs[0], { outcome: 'succeeded' });
    });

  it('is run by hand at any time, also by a clock that is behind', async (on) => {
    const time = (await on.due()) + HOUR;
    await on.complete({ ...recorded(tickClaim(time)), byHand: true });
    await on.complete({ ...recorded(tickClaim(time)), askedAt: 0, byHand: true });
    assertFields(await on.read(tickClaim(time)), { lastTick: undefined });
  });

  it('is not run by hand while it runs', async (on) => {
    const claim = recorded(tickClaim(await on.due()));
    await granted(on.one, request('job', { claim }));
    assertFields(await on.ask({ ...claim, byHand: true }), { status: 'busy' });
  });
}
