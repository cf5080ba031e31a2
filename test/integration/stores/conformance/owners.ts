import { LONG, SHORT, WITHIN, grantedToken, request, type Subject } from './subject.js';

export function describeRenewing(on: Subject): void {
  it('answers for each lease, in the order of the requests', async () => {
    const [held, taken, vanished, other] = [request('a'), request('b'), request('c'), request('d')];
    await grantedToken(on.one, held);
    await grantedToken(on.two, request('b'));
    await grantedToken(on.one, other);
    await expect(on.one.renew([held, taken, vanished, other], WITHIN)).resolves.toEqual([
      'held',
      'taken',
      'vanished',
      'held',
    ]);
    await expect(on.one.renew([vanished, other, taken, held], WITHIN)).resolves.toEqual([
      'vanished',
      'held',
      'taken',
      'held',
    ]);
  });

  it('answers nothing when nothing is asked', async () => {
    await expect(on.one.renew([], WITHIN)).resolves.toEqual([]);
  });

  it('renews a thousand leases at once', async () => {
    const holders = Array.from({ length: 1001 }, (_, i) => request(`job ${i}`, { ttl: 10 * LONG }));
    await Promise.all(holders.filter((_, i) => i % 2 === 0).map((holder) => grantedToken(on.one, holder)));
    const replies = await on.one.renew(holders, WITHIN);
    expect(replies).toEqual(holders.map((_, i) => (i % 2 === 0 ? 'held' : 'vanished')));
  });

  it('makes a lease live on past its first TTL', async () => {
    const holder = request('job', { ttl: SHORT });
    await grantedToken(on.one, request('beside', { ttl: SHORT }));
    await grantedToken(on.one, holder);
    await expect(on.one.renew([{ ...holder, ttl: LONG }], WITHIN)).resolves.toEqual(['held']);
    await on.expiry('beside');

    const held = await on.two.inspect('job', WITHIN);
    expect(held?.record).toBe(holder.record);
    expect(held?.remaining).toBeGreaterThan(SHORT);
    await expect(on.two.acquire(request('job'), WITHIN)).resolves.toMatchObject({ status: 'busy' });
  });

  it('counts the TTL from the renewal, shorter ones too', async () => {
    const holder = request('job');
    await grantedToken(on.one, holder);
    await on.one.renew([{ ...holder, ttl: SHORT }], WITHIN);
    await on.expiry('job');
    await grantedToken(on.two, request('job'));
  });

  it('works from any instance, since the record is what counts', async () => {
    const holder = request('job');
    await grantedToken(on.one, holder);
    await expect(on.two.renew([holder], WITHIN)).resolves.toEqual(['held']);
  });

  it('does not create a lock that nobody holds', async () => {
    await expect(on.one.renew([request('job')], WITHIN)).resolves.toEqual(['vanished']);
    await expect(on.two.inspect('job', WITHIN)).resolves.toBeNull();
  });

  it("does not prolong somebody else's lease", async () => {
    const holder = request('job');
    await grantedToken(on.one, holder);
    await expect(on.two.renew([request('job', { ttl: 10 * LONG })], WITHIN)).resolves.toEqual(['taken']);
    expect((await on.one.inspect('job', WITHIN))?.remaining).toBeLessThanOrEqual(LONG);
  });

  it('takes no holder for another whose record begins alike', async () => {
    await grantedToken(on.one, { ...request('job'), record: '{"token":"process.12"}' });
    const other = { ...request('job'), record: '{"token":"process.1"}' };
    await expect(on.one.renew([other], WITHIN)).resolves.toEqual(['taken']);
  });
}

export function describeReleasing(on: Subject): void {
  it('frees the lock for its holder, once', async () => {
    const holder = request('job');
    await grantedToken(on.one, holder);
    await expect(on.one.release(holder, WITHIN)).resolves.toBe('held');
    await expect(on.two.inspect('job', WITHIN)).resolves.toBeNull();
    await expect(on.one.release(holder, WITHIN)).resolves.toBe('vanished');
  });

  it('changes nothing for a stranger', async () => {
    const holder = request('job');
    const fencingToken = await grantedToken(on.one, holder);
    await expect(on.two.release(request('job'), WITHIN)).resolves.toBe('taken');
    await expect(on.one.inspect('job', WITHIN)).resolves.toMatchObject({
      record: holder.record,
      fencingToken,
    });
    await expect(on.one.renew([holder], WITHIN)).resolves.toEqual(['held']);
  });

  it('finds a free lock vanished', async () => {
    await expect(on.one.release(request('job'), WITHIN)).resolves.toBe('vanished');
  });
}

export function describeExpiry(on: Subject): void {
  it('is noticed by the old holder, when nobody else came', async () => {
    const old = request('job', { ttl: SHORT });
    await grantedToken(on.one, old);
    await on.expiry('job');
    await expect(on.one.renew([old], WITHIN)).resolves.toEqual(['vanished']);
    await expect(on.one.release(old, WITHIN)).resolves.toBe('vanished');
    await expect(on.two.inspect('job', WITHIN)).resolves.toBeNull();
  });

  it('leaves the next holder untouched by the old one', async () => {
    const old = request('job', { ttl: SHORT });
    const next = request('job');
    await grantedToken(on.one, old);
    await on.expiry('job');
    const fencingToken = await grantedToken(on.two, next);

    await expect(on.one.renew([old], WITHIN)).resolves.toEqual(['taken']);
    await expect(on.one.release(old, WITHIN)).resolves.toBe('taken');
    await expect(on.one.acquire(old, WITHIN)).resolves.toMatchObject({ status: 'busy', record: next.record });
    await expect(on.two.inspect('job', WITHIN)).resolves.toMatchObject({ record: next.record, fencingToken });
    await expect(on.two.renew([next], WITHIN)).resolves.toEqual(['held']);
  });

  it('does not come before the TTL has passed', async () => {
    const { advance } = on;
    const start = performance.now();
    await grantedToken(on.one, request('job', { ttl: SHORT }));
    if (advance) {
      advance(SHORT - 1);
      await expect(on.two.acquire(request('job'), WITHIN)).resolves.toMatchObject({
        status: 'busy',
        remaining: 1,
      });
      return;
    }
    await on.expiry('job');
    // Two clocks measure here, so allow their rounding.
    expect(performance.now() - start).toBeGreaterThanOrEqual(SHORT - 2);
  });
}
