import { strict as assert } from 'node:assert';
import type { AcquireRequest, Claim, EndOfRun, RunRecord } from '../../stores/lock-store.js';
import { assertBetween, assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import {
  EVERY_CLAIM,
  MARKED_AT_GRANT,
  LONG,
  SHORT,
  WITHIN,
  ended,
  granted,
  keyClaim,
  recorded,
  request,
  rerunClaim,
  tickClaim,
  type Subject,
} from './subject.js';

export function runs(it: Define): void {
  for (const [name, claimAt] of EVERY_CLAIM) {
    it(`begins with its grant: ${name}`, async (on) => {
      const claim = recorded(claimAt(await on.due()));
      const before = Math.floor(await on.now());
      const fencingToken = await granted(on.one, request('job', { claim }));
      const [run, ...others] = await runsOf(on, claim);
      assert.deepEqual(others, []);
      assertFields(run, { ...tickOf(claim), replica: 'web-1', fencingToken, outcome: 'running' });
      assertFields(run, { duration: undefined, error: undefined, by: undefined });
      // A clock that the file system stamps is some milliseconds late.
      assertBetween(run.started, before - 20, await on.now());
    });

    for (const outcome of ['succeeded', 'failed', 'lost'] as const)
      it(`says that it has ${outcome === 'lost' ? 'lost its lease' : outcome}: ${name}`, async (on) => {
        const claim = recorded(claimAt(await on.due()));
        const { wanted, fencingToken } = await begin(on, claim);
        await on.advance(30);
        const error = outcome === 'succeeded' ? undefined : 'no such table: "orders"';
        await end(on, wanted, { fencingToken, outcome, error });
        const [run] = await runsOf(on, claim);
        assertFields(run, { ...tickOf(claim), replica: 'web-1', fencingToken, outcome, error });
        assertBetween(run.duration, on.standsStill ? 30 : 0, 5000);
      });

    it(`is not made of a run without a history: ${name}`, async (on) => {
      const claim = claimAt(await on.due());
      await on.complete(claim);
      assert.deepEqual(await runsOf(on, claim), []);
    });

    it(`is taken back if the run is void: ${name}`, async (on) => {
      const claim = recorded(claimAt(await on.due()));
      const { wanted } = await begin(on, claim);
      await on.two.release(ended(wanted, 'void'), WITHIN);
      assert.deepEqual(await runsOf(on, claim), []);
      await on.complete(claim);
      assert.deepEqual(await outcomesOf(on, claim), ['succeeded']);
    });

    it(`is one, of the last grant, if its owner asks again: ${name}`, async (on) => {
      const claim = recorded(claimAt(await on.due()));
      const wanted = request('job', { claim, ttl: SHORT });
      await granted(on.one, wanted);
      assertFields(await runsOf(on, claim), { length: 1 });
      await granted(on.one, wanted);
      assertFields(await runsOf(on, claim), { length: 1 });
      await on.expiry('job');
      const fencingToken = await granted(on.one, { ...wanted, ttl: LONG });
      const [run, ...others] = await runsOf(on, claim);
      assertFields(run, { fencingToken, outcome: 'running' });
      assert.deepEqual(others, []);
    });
  }

  abandonedRuns(it);
  repeatedEnds(it);
}

function abandonedRuns(it: Define): void {
  for (const [name, claimAt] of EVERY_CLAIM)
    it(`is abandoned when its holder has died: ${name}`, async (on) => {
      const claim = recorded(claimAt(await on.due()));
      await on.die(claim);
      const [run] = await runsOf(on, claim);
      assertFields(run, { ...tickOf(claim), outcome: 'abandoned', duration: undefined });
    });

  it('stays abandoned when others have run since', async (on) => {
    const time = await on.due();
    const claim = recorded(tickClaim(time));
    await on.die({ ...claim, time: time - 1 });
    await on.complete(claim);
    assert.deepEqual(await outcomesOf(on, claim), ['succeeded', 'abandoned']);
    await granted(on.one, request('job', { claim: recorded(tickClaim(time, 'another job')) }));
    assert.deepEqual(await outcomesOf(on, claim), ['succeeded', 'abandoned']);
  });

  it('is abandoned while something else holds the lock', async (on) => {
    const claim = recorded(tickClaim(await on.due()));
    await on.die(claim);
    await granted(on.two, request('job'));
    assert.deepEqual(await outcomesOf(on, claim), ['abandoned']);
  });

  it(
    'is abandoned when its lock was freed by an operator',
    async (on) => {
      const claim = recorded(tickClaim(await on.due()));
      const { fencingToken } = await begin(on, claim);
      await on.one.admin!.force({ name: 'job', fencingToken }, WITHIN);
      assert.deepEqual(await outcomesOf(on, claim), ['abandoned']);
    },
    'admin',
  );

  it('is abandoned if its release does not say how it has ended', async (on) => {
    const claim = recorded(tickClaim(await on.due()));
    const { wanted } = await begin(on, claim);
    await on.one.release(ended(wanted, 'unfinished'), WITHIN);
    assert.deepEqual(await outcomesOf(on, claim), ['abandoned']);
  });

  it('is one of each attempt', async (on) => {
    const claim = recorded(rerunClaim(await on.due()));
    await on.die(claim);
    await on.die(claim);
    await on.complete(claim);
    assert.deepEqual(await outcomesOf(on, claim), ['succeeded', 'abandoned', 'abandoned']);
    for (const run of await runsOf(on, claim)) assertFields(run, { tick: claim.time });
  });

  it('says how a run has ended that was given up for dead', async (on) => {
    const claim = recorded(rerunClaim(await on.due()));
    const { wanted, fencingToken } = await begin(on, claim, SHORT);
    await on.expiry('job');
    await begin(on, claim);
    assert.deepEqual(await outcomesOf(on, claim), ['running', 'abandoned']);
    await end(on, wanted, { fencingToken, outcome: 'lost' }, 'unfinished');
    assert.deepEqual(await outcomesOf(on, claim), ['running', 'lost']);
  });

  for (const [name, claimAt] of MARKED_AT_GRANT)
    it(`is taken back though another has run since: ${name}`, async (on) => {
      const claim = recorded(claimAt(await on.due()));
      const late = await on.die(claim);
      await on.die({ ...claim, byHand: true });
      await on.one.release(ended(late, 'void'), WITHIN);
      const [run, ...others] = await runsOf(on, claim);
      assertFields(run, { by: 'hand' });
      assert.deepEqual(others, []);
      await on.complete(claim);
    });
}

function repeatedEnds(it: Define): void {
  it('keeps what the first release said, if that is repeated', async (on) => {
    const claim = recorded(tickClaim(await on.due()));
    const { wanted, fencingToken } = await begin(on, claim);
    await end(on, wanted, { fencingToken, outcome: 'succeeded' });
    const [first] = await runsOf(on, claim);
    await on.advance(50);
    await end(on, wanted, { fencingToken, outcome: 'failed', error: 'too late' });
    assert.deepEqual(await runsOf(on, claim), [first]);
    await on.one.release(ended(wanted, 'void'), WITHIN);
    assert.deepEqual(await runsOf(on, claim), [first]);
  });

  it('is found again whatever the names and errors contain', async (on) => {
    for (const replica of ['running', 'web 1: {a}', 'ñ "ü" 漢字 🔒', "it's %d %1 \\n", '']) {
      const claim = { ...recorded(keyClaim(`["${replica}"]`)), application: 'shop', replica };
      const { wanted, fencingToken } = await begin(on, claim);
      const error = `failed: ${replica}`;
      await end(on, wanted, { fencingToken, outcome: 'failed', error });
      await on.die({ ...claim, byHand: true });
      const [abandoned, failed] = await runsOf(on, claim);
      assertFields(abandoned, { replica, outcome: 'abandoned', error: undefined });
      assertFields(failed, { replica, outcome: 'failed', error });
    }
  });

  it('is not broken by a replica or an error that has several lines', async (on) => {
    const claim = { ...recorded(tickClaim(await on.due())), replica: 'web\t1\n2' };
    const { wanted, fencingToken } = await begin(on, claim);
    await end(on, wanted, { fencingToken, outcome: 'failed', error: 'one\r\n\ttwo' });
    await on.complete({ ...claim, time: claim.time + 1 });
    assert.deepEqual(await outcomesOf(on, claim), ['succeeded', 'failed']);
  });
}

interface Begun {
  readonly wanted: AcquireRequest;
  readonly fencingToken: number;
}

async function begin(on: Subject, claim: Claim, ttl?: number): Promise<Begun> {
  const wanted = request('job', { claim, ...(ttl !== undefined && { ttl }) });
  return { wanted, fencingToken: await granted(on.one, wanted) };
}

async function end(
  on: Subject,
  wanted: AcquireRequest,
  run: EndOfRun,
  as = run.outcome === 'succeeded' ? ('completed' as const) : ('unfinished' as const),
): Promise<void> {
  await on.one.release({ ...ended(wanted, as), run }, WITHIN);
}

async function runsOf(on: Subject, claim: Claim): Promise<readonly RunRecord[]> {
  return (await on.read(claim)).runs;
}

async function outcomesOf(on: Subject, claim: Claim): Promise<string[]> {
  return (await runsOf(on, claim)).map(({ outcome }) => outcome);
}

function tickOf(claim: Claim): { tick: number | undefined } {
  return { tick: claim.kind === 'tick' ? claim.time : undefined };
}
