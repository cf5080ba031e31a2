import { LONG, WITHIN, grantedToken, request, tickClaim, type Subject } from './subject.js';

export function describeInspecting(on: Subject): void {
  it('finds nobody on a lock that was never taken', async () => {
    await expect(on.one.inspect('job', WITHIN)).resolves.toBeNull();
  });

  it('tells record, remaining time and fencing token of the holder', async () => {
    const holder = request('job');
    const fencingToken = await grantedToken(on.one, holder);
    for (const store of [on.one, on.two]) {
      const held = await store.inspect('job', WITHIN);
      expect(held).toEqual({
        record: holder.record,
        remaining: expect.any(Number),
        fencingToken,
        waiters: 0,
      });
      expect(held?.remaining).toBeGreaterThan(LONG - WITHIN);
      expect(held?.remaining).toBeLessThanOrEqual(LONG);
    }
  });

  it('gives the record back byte for byte', async () => {
    const record = JSON.stringify({
      token: 'a-1',
      host: 'Zürich',
      contents: { note: '日本 "\\\n\u0000🔒', list: [1.5, null] },
    });
    await grantedToken(on.one, { ...request('job'), record });
    await expect(on.two.inspect('job', WITHIN)).resolves.toMatchObject({ record });
    await expect(on.two.release({ name: 'job', record }, WITHIN)).resolves.toBe('held');
  });
}

const NAMES = {
  'a space': 'nightly report',
  slashes: 'reports/2026/../nightly',
  'colons and dots': 'a:b:c.d',
  'glob characters': 'job*?[a]',
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

export function describeNames(on: Subject): void {
  it.each(Object.entries(NAMES))('may hold %s', async (_, name) => {
    const claim = tickClaim(Math.floor(await on.now()), name);
    const holder = request(name, { claim });
    const fencingToken = await grantedToken(on.one, holder);
    await expect(on.two.inspect(name, WITHIN)).resolves.toMatchObject({
      record: holder.record,
      fencingToken,
    });
    await expect(on.two.acquire(request(name), WITHIN)).resolves.toMatchObject({ status: 'busy' });
    await expect(on.two.acquire(request(name, { claim }), WITHIN)).resolves.toMatchObject({ status: 'done' });
    await expect(on.one.renew([holder], WITHIN)).resolves.toEqual(['held']);
    await expect(on.one.release(holder, WITHIN)).resolves.toBe('held');
  });

  it('are different locks wherever they differ in a byte', async () => {
    for (const name of Object.values(NAMES)) await grantedToken(on.one, request(name));
  });
}
