import { SHORT, WITHIN, grantedToken, request, tickClaim, type Subject } from './subject.js';

const MICROSECONDS = 1000;

export function describeTokens(on: Subject): void {
  it('starts at the time of the store in microseconds, a safe integer', async () => {
    const before = await on.now();
    const fencingToken = await grantedToken(on.one, request('job'));
    expect(Number.isSafeInteger(fencingToken)).toBe(true);
    expect(fencingToken).toBeGreaterThanOrEqual(Math.floor(before * MICROSECONDS));
    expect(fencingToken).toBeLessThanOrEqual((await on.now()) * MICROSECONDS + MICROSECONDS);
  });

  it('grows with each of hundreds of grants: after releases, with ticks, on either instance', async () => {
    const time = Math.floor(await on.now());
    const fencingTokens: number[] = [];
    for (let i = 0; i < 300; i++) {
      const store = i % 2 === 0 ? on.one : on.two;
      const withTick = i % 3 === 0 ? { claim: tickClaim(time - 300 + i) } : {};
      const holder = request('job', withTick);
      fencingTokens.push(await grantedToken(store, holder));
      await store.release(holder, WITHIN);
    }
    expectGrowth(fencingTokens);
  });

  it('grows when leases expire instead', async () => {
    const fencingTokens: number[] = [];
    for (let i = 0; i < 5; i++) {
      fencingTokens.push(await grantedToken(i % 2 === 0 ? on.one : on.two, request('job', { ttl: SHORT })));
      await on.expiry('job');
    }
    expectGrowth(fencingTokens);
  });

  it('stays the same through renewals and what others try', async () => {
    const holder = request('job');
    const fencingToken = await grantedToken(on.one, holder);
    await on.one.renew([holder], WITHIN);
    await on.two.acquire(request('job'), WITHIN);
    await on.two.release(request('job'), WITHIN);
    await expect(on.two.inspect('job', WITHIN)).resolves.toMatchObject({ fencingToken });
  });
}

function expectGrowth(fencingTokens: readonly number[]): void {
  const stuck = fencingTokens.findIndex(
    (fencingToken, i) => !Number.isSafeInteger(fencingToken) || fencingToken <= (fencingTokens[i - 1] ?? 0),
  );
  expect(fencingTokens.slice(Math.max(0, stuck - 1), stuck + 1)).toEqual([]);
}
