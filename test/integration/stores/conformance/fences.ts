import { SHORT, WITHIN, grantedFence, request, tickClaim, type Subject } from './subject.js';

const MICROSECONDS = 1000;

export function describeFences(on: Subject): void {
  it('starts at the time of the store in microseconds, a safe integer', async () => {
    const before = await on.now();
    const fence = await grantedFence(on.one, request('job'));
    expect(Number.isSafeInteger(fence)).toBe(true);
    expect(fence).toBeGreaterThanOrEqual(Math.floor(before * MICROSECONDS));
    expect(fence).toBeLessThanOrEqual((await on.now()) * MICROSECONDS + MICROSECONDS);
  });

  it('grows with each of hundreds of grants: after releases, with ticks, on either instance', async () => {
    const time = Math.floor(await on.now());
    const fences: number[] = [];
    for (let i = 0; i < 300; i++) {
      const store = i % 2 === 0 ? on.one : on.two;
      const withTick = i % 3 === 0 ? { claim: tickClaim(time - 300 + i) } : {};
      const holder = request('job', withTick);
      fences.push(await grantedFence(store, holder));
      await store.release(holder, WITHIN);
    }
    expectGrowth(fences);
  });

  it('grows when leases expire instead', async () => {
    const fences: number[] = [];
    for (let i = 0; i < 5; i++) {
      fences.push(await grantedFence(i % 2 === 0 ? on.one : on.two, request('job', { ttl: SHORT })));
      await on.expiry('job');
    }
    expectGrowth(fences);
  });

  it('stays the same through renewals and what others try', async () => {
    const holder = request('job');
    const fence = await grantedFence(on.one, holder);
    await on.one.renew([holder], WITHIN);
    await on.two.acquire(request('job'), WITHIN);
    await on.two.release(request('job'), WITHIN);
    await expect(on.two.inspect('job', WITHIN)).resolves.toMatchObject({ fence });
  });
}

function expectGrowth(fences: readonly number[]): void {
  const stuck = fences.findIndex((fence, i) => !Number.isSafeInteger(fence) || fence <= (fences[i - 1] ?? 0));
  expect(fences.slice(Math.max(0, stuck - 1), stuck + 1)).toEqual([]);
}
