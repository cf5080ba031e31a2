import { strict as assert } from 'node:assert';
import { assertBetween, assertFields } from './checks.js';
import type { Define } from './contract-case.js';
import { LONG, WITHIN, ended, granted, request, tickClaim } from './subject.js';

export function inspecting(it: Define): void {
  it('finds nobody on a lock that was never taken', async (on) => {
    assert.equal(await on.inspect('job'), null);
  });

  it('finds owner, holder, remaining time and fencing token', async (on) => {
    const held = request('job');
    const fencingToken = await granted(on.one, held);
    for (const store of [on.one, on.two]) {
      const { remaining, waiters, ...rest } = (await store.inspect('job', WITHIN))!;
      assert.deepEqual(rest, { owner: held.owner, holder: held.holder, fencingToken });
      assertBetween(remaining, LONG - WITHIN, LONG);
      assert.equal(store.queue ? waiters : (waiters ?? 0), 0);
    }
  });

  it('gives the holder back byte for byte', async (on) => {
    const contents = { note: '日本 "\\\n\u0000🔒', list: [1.5, null], owner: 'x', "it's": 'a \t b' };
    const holder = JSON.stringify({ host: 'Zürich', contents });
    await granted(on.one, request('job', { holder }));
    assertFields(await on.two.inspect('job', WITHIN), { holder });
    for (const store of [on.one, on.two])
      assertFields(await store.acquire(request('job'), WITHIN), { status: 'busy', holder });
  });

  it('gives a large holder back byte for byte', async (on) => {
    const holder = JSON.stringify({ contents: 'ü'.repeat(20_000) });
    await granted(on.one, request('job', { holder }));
    assertFields(await on.two.inspect('job', WITHIN), { holder });
  });

  it('gives the owner back, however it is made', async (on) => {
    for (const owner of ['a', '_-.', 'A.b-C_9'.padEnd(32, 'z'), '12345678901234567890', '1e3']) {
      await granted(on.one, request(`job ${owner}`, { owner }));
      assertFields(await on.two.inspect(`job ${owner}`, WITHIN), { owner });
    }
  });
}

const NAMES = {
  'a space': 'nightly report',
  'spaces at its ends': ' job ',
  slashes: 'reports/2026/../nightly',
  'colons and dots': 'a:b:c.d',
  quotes: `it's "job" \`x\``,
  'glob characters': 'job*?[a]',
  'percent and underscore': 'job_100%',
  unicode: 'Straße/日本語/🔒',
  'a composed letter': 'caf\u00e9',
  'the same letter decomposed': 'cafe\u0301',
  'capital letters': 'JOB',
  'small letters': 'job',
  'the word state': 'job:state',
  'a name of an Object property': '__proto__',
  '512 bytes': 'x'.repeat(512),
  '512 bytes that differ in the last': `${'x'.repeat(511)}y`,
  '512 bytes of unicode': 'ü'.repeat(256),
};

export function names(it: Define): void {
  for (const [what, name] of Object.entries(NAMES)) {
    it(`may hold ${what}`, async (on) => {
      const claim = tickClaim(await on.due(), name);
      const held = request(name, { claim });
      await granted(on.one, held);
      assertFields(await on.two.inspect(name, WITHIN), { owner: held.owner });
      assertFields(await on.two.acquire(request(name), WITHIN), { status: 'busy' });
      assertFields(await on.two.acquire(request(name, { claim }), WITHIN), { status: 'done' });
      assert.deepEqual(await on.one.renew([held], WITHIN), ['held']);
      assert.equal(await on.one.release(ended(held), WITHIN), 'held');
    });
  }

  it('are different locks wherever they differ in a byte', async (on) => {
    for (const name of Object.values(NAMES)) await granted(on.one, request(name));
  });
}
