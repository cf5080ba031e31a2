import { LONG, SHORT, WITHIN, fenceOf, grantedToken, request, tickClaim, type Subject } from './subject.js';

export function describeAcquiring(on: Subject): void {
  it('grants a free lock', async () => {
    await expect(on.one.acquire(request('job'), WITHIN)).resolves.toMatchObject({
      status: 'granted',
      fencingToken: expect.any(Number),
    });
  });

  it('grants a record that holds the lock already again, with the same fencing token', async () => {
    const wanted = request('job');
    const fencingToken = await grantedToken(on.one, wanted);
    await expect(on.one.acquire(wanted, WITHIN)).resolves.toMatchObject({ status: 'granted', fencingToken });
    await expect(on.two.acquire(wanted, WITHIN)).resolves.toMatchObject({ status: 'granted', fencingToken });
  });

  it('gives a record that is granted again its full TTL again', async () => {
    const wanted = request('job', { ttl: SHORT });
    await grantedToken(on.one, request('beside', { ttl: SHORT }));
    await grantedToken(on.one, wanted);
    await grantedToken(on.one, { ...wanted, ttl: LONG });
    await on.expiry('beside');
    await expect(on.two.inspect('job', WITHIN)).resolves.toMatchObject({ record: wanted.record });
  });

  it('tells everybody else who holds it and for how long', async () => {
    const holder = request('job', { ttl: 10_000 });
    await grantedToken(on.one, holder);
    for (const store of [on.one, on.two]) {
      const reply = await store.acquire(request('job'), WITHIN);
      if (reply.status !== 'busy') throw new Error(`Expected busy, got ${reply.status}`);
      expect(reply.record).toBe(holder.record);
      expect(reply.remaining).toBeGreaterThan(10_000 - WITHIN);
      expect(reply.remaining).toBeLessThanOrEqual(10_000);
    }
  });

  it('leaves the holder alone when it turns others away', async () => {
    const holder = request('job');
    const fencingToken = await grantedToken(on.one, holder);
    await on.two.acquire(request('job', { ttl: 60_000 }), WITHIN);
    const held = await on.one.inspect('job', WITHIN);
    expect(held).toMatchObject({ record: holder.record, fencingToken });
    expect(held?.remaining).toBeLessThanOrEqual(LONG);
  });

  it('grants the lock to another once it is released', async () => {
    const holder = request('job');
    await grantedToken(on.one, holder);
    await on.one.release(holder, WITHIN);
    await grantedToken(on.two, request('job'));
  });

  it('grants the lock to another once it has expired', async () => {
    await grantedToken(on.one, request('job', { ttl: SHORT }));
    await on.expiry('job');
    await grantedToken(on.two, request('job'));
  });

  it('keeps locks of different names apart', async () => {
    await grantedToken(on.one, request('job'));
    await grantedToken(on.two, request('job2'));
  });

  it('grants a lock that two instances want at once to exactly one, fifty times', async () => {
    for (let round = 0; round < 50; round++) {
      const rivals = [request('job'), request('job')] as const;
      const replies = await Promise.all([
        on.one.acquire(rivals[0], WITHIN),
        on.two.acquire(rivals[1], WITHIN),
      ]);
      expect(replies.map(({ status }) => status).toSorted()).toEqual(['busy', 'granted']);
      const winner = replies[0].status === 'granted' ? rivals[0] : rivals[1];
      expect(replies).toContainEqual(expect.objectContaining({ status: 'busy', record: winner.record }));
      await expect(on.one.release(winner, WITHIN)).resolves.toBe('held');
    }
  });

  it('grants one of many attempts that one instance makes at once', async () => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => on.one.acquire(request('job'), WITHIN)),
    );
    expect(replies.filter(({ status }) => status === 'granted')).toHaveLength(1);
  });

  it('does not see locks under another prefix', async () => {
    const other = on.otherPrefix;
    if (!other) return;
    const [ours, theirs] = [request('job'), request('job')];
    const claim = tickClaim(Math.floor(await on.now()));
    const fencingToken = await grantedToken(on.one, { ...ours, claim });
    await expect(other.inspect('job', WITHIN)).resolves.toBeNull();
    await expect(other.release(ours, WITHIN)).resolves.toBe('vanished');
    fenceOf(await other.acquire({ ...theirs, claim }, WITHIN));
    await expect(on.one.inspect('job', WITHIN)).resolves.toMatchObject({ record: ours.record, fencingToken });
  });
}
