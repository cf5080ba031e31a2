import { TURN_TIMEOUT, type Claim } from '../../../../lib/stores/lock-store.js';
import { eventually } from '../../../support/eventually.js';
import { standInLine } from '../stand-in-line.js';
import { fenceOf, grantedToken, LONG, request, SHORT, tickClaim, WITHIN, type Subject } from './subject.js';

export function describeWaiting(on: Subject): void {
  const holderOf = async (name: string): Promise<string | undefined> =>
    (await on.one.inspect(name, WITHIN))?.record;

  it('has the lock given to who waits, and tells it, when the holder gives it back', async () => {
    const holder = request('a');
    const fencingToken = await grantedToken(on.one, holder);
    const waiter = await standInLine(on.two, request('a'));
    const before = waiter.turns;

    expect(await on.one.release(holder, WITHIN)).toBe('held');

    await eventually(() => waiter.turns > before);
    const handed = await on.one.inspect('a', WITHIN);
    expect(handed?.record).toBe(waiter.request.record);
    expect(handed?.remaining).toBeLessThanOrEqual(TURN_TIMEOUT);
    const granted = fenceOf(await on.two.acquire(waiter.request, WITHIN));
    expect(granted).toBeGreaterThan(fencingToken);
    expect((await on.one.inspect('a', WITHIN))?.remaining).toBeGreaterThan(LONG - 5000);
    waiter.stop();
  });

  it('gives it to whoever has waited for longest', async () => {
    const holder = request('a');
    await grantedToken(on.one, holder);
    const young = await standInLine(on.one, { ...request('a'), waited: 10 });
    const old = await standInLine(on.two, { ...request('a'), waited: 10_000 });
    const youngest = await standInLine(on.two, { ...request('a'), waited: 0 });

    await on.one.release(holder, WITHIN);
    expect(await holderOf('a')).toBe(old.request.record);
    await on.two.release(old.request, WITHIN);
    expect(await holderOf('a')).toBe(young.request.record);
    await on.one.release(young.request, WITHIN);
    expect(await holderOf('a')).toBe(youngest.request.record);
    await on.two.release(youngest.request, WITHIN);
    expect(await holderOf('a')).toBeUndefined();
    for (const { stop } of [young, old, youngest]) stop();
  });

  it('does not let a newcomer pass when the lock has expired', async () => {
    const holder = request('a', { ttl: SHORT });
    await grantedToken(on.one, holder);
    const waiter = await standInLine(on.two, request('a'));
    await on.expiry('a');

    expect(await on.one.acquire(request('a'), WITHIN)).toMatchObject({
      status: 'busy',
      record: waiter.request.record,
    });
    expect(await on.two.acquire(waiter.request, WITHIN)).toMatchObject({ status: 'granted' });
    waiter.stop();
  });

  it('keeps a place that is asked for again', async () => {
    const holder = request('a');
    await grantedToken(on.one, holder);
    const [first, second] = [
      await standInLine(on.one, { ...request('a'), waited: 20 }),
      await standInLine(on.two, { ...request('a'), waited: 10 }),
    ];
    await on.one.acquire(first.request, WITHIN);
    expect((await on.one.inspect('a', WITHIN))?.waiters).toBe(2);

    await on.one.release(holder, WITHIN);

    expect(await holderOf('a')).toBe(first.request.record);
    for (const { stop } of [first, second]) stop();
  });

  it('forgets who has left, and passes on what it was just given', async () => {
    const holder = request('a');
    await grantedToken(on.one, holder);
    const [first, second, third] = [
      await standInLine(on.one, { ...request('a'), waited: 30 }),
      await standInLine(on.two, { ...request('a'), waited: 20 }),
      await standInLine(on.two, { ...request('a'), waited: 10 }),
    ];
    expect(await on.one.leave!(first.request, WITHIN)).toBe('taken');
    await on.one.release(holder, WITHIN);
    expect(await holderOf('a')).toBe(second.request.record);

    expect(await on.two.leave!(second.request, WITHIN)).toBe('held');

    expect(await holderOf('a')).toBe(third.request.record);
    await on.two.undo(third.request, WITHIN);
    expect(await holderOf('a')).toBeUndefined();
    for (const { stop } of [first, second, third]) stop();
  });

  it('takes who is undone out of the line', async () => {
    const holder = request('a');
    await grantedToken(on.one, holder);
    const waiter = await standInLine(on.two, request('a'));
    await on.two.undo(waiter.request, WITHIN);

    await on.one.release(holder, WITHIN);

    expect(await holderOf('a')).toBeUndefined();
    waiter.stop();
  });

  describe('with a claim', () => {
    const claims: [string, () => Promise<Claim>][] = [
      ['a tick', async () => tickClaim(Math.floor(await on.now()))],
      ['a tick that is run again', async () => tickClaim(Math.floor(await on.now()), 'cron', true)],
      ['a gap', async () => ({ kind: 'gap', job: 'sync', gap: 60_000 })],
      ['a key', async () => ({ kind: 'key', job: '["v1"]', remember: 60_000 })],
    ];

    it.each(claims)('has its turn, and what it claims when it asks then: %s', async (_, claimOf) => {
      const claim = await claimOf();
      const holder = request('a');
      await grantedToken(on.one, holder);
      const waiter = await standInLine(on.two, request('a', { claim }));
      await on.one.release(holder, WITHIN);
      expect(await holderOf('a')).toBe(waiter.request.record);
      // Nothing is claimed by the turn alone: who died instead of asking has not begun the run.
      const fencingToken = (await on.one.inspect('a', WITHIN))?.fencingToken;

      expect(await on.two.acquire(waiter.request, WITHIN)).toMatchObject({ status: 'granted', fencingToken });

      expect((await on.one.inspect('a', WITHIN))?.remaining).toBeGreaterThan(LONG - 5000);
      // A second copy of the question finds its own mark.
      expect(await on.two.acquire(waiter.request, WITHIN)).toMatchObject({ status: 'granted', fencingToken });
      await on.two.release({ ...waiter.request, completed: claim }, WITHIN);
      expect(await on.one.acquire(request('a', { claim }), WITHIN)).toMatchObject({ status: 'done' });
      waiter.stop();
    });

    it.each(claims)(
      'whose turn comes when others have run it is told done, and passes on: %s',
      async (_, claimOf) => {
        const claim = await claimOf();
        const holder = request('a', { claim });
        // Asks for the run before anybody has it: later it would be told done at once.
        const other = request('a');
        await grantedToken(on.one, other);
        const first = await standInLine(on.two, { ...request('a', { claim }), waited: 20_000 });
        const second = await standInLine(on.one, { ...request('a'), waited: 10_000 });
        await on.two.leave!(first.request, WITHIN);
        const runner = await standInLine(on.one, { ...holder, waited: 30_000 });
        await on.one.release(other, WITHIN);
        await grantedToken(on.one, runner.request);
        // Where the run is busy as long as it is run, the waiter is in line again; else it is told done.
        const reply = await on.two.acquire(first.request, WITHIN);
        await on.one.release({ ...runner.request, completed: claim }, WITHIN);

        if (reply.status === 'busy') {
          expect(await holderOf('a')).toBe(first.request.record);
          expect(await on.two.acquire(first.request, WITHIN)).toMatchObject({ status: 'done' });
        } else {
          expect(reply.status).toBe('done');
        }

        expect(await holderOf('a')).toBe(second.request.record);
        await on.one.release(second.request, WITHIN);
        expect(await holderOf('a')).toBeUndefined();
        for (const { stop } of [first, second, runner]) stop();
      },
    );

    it('that is told done stands in line no more', async () => {
      const claim = tickClaim(Math.floor(await on.now()));
      const holder = request('a');
      await grantedToken(on.one, holder);
      const waiter = await standInLine(on.two, request('a', { claim }));
      const later = { ...claim, time: claim.time + 1 };
      const other = await standInLine(on.one, request('a', { claim: later, waited: 1000 }));
      await on.one.release(holder, WITHIN);
      await grantedToken(on.one, other.request);
      expect((await on.one.inspect('a', WITHIN))?.waiters).toBe(1);

      expect(await on.two.acquire(waiter.request, WITHIN)).toMatchObject({ status: 'done' });

      expect((await on.one.inspect('a', WITHIN))?.waiters).toBe(0);
      for (const { stop } of [waiter, other]) stop();
    });
  });

  it('frees by force the very grant that is named, and hands it over', async () => {
    const fencingToken = await grantedToken(on.one, request('a'));
    const waiter = await standInLine(on.two, request('a'));
    expect(await on.two.force!({ name: 'a', fencingToken: fencingToken - 1 }, WITHIN)).toBe('taken');

    expect(await on.two.force!({ name: 'a', fencingToken }, WITHIN)).toBe('held');

    expect(await holderOf('a')).toBe(waiter.request.record);
    expect(await on.two.force!({ name: 'a', fencingToken }, WITHIN)).toBe('taken');
    expect(await on.two.force!({ name: 'free', fencingToken }, WITHIN)).toBe('vanished');
    waiter.stop();
  });

  it('lists the locks that are held, by the beginning of their names', async () => {
    const held = [request('job:a'), request('job:b*'), request('other')];
    for (const one of held) await grantedToken(on.one, one);
    const gone = request('job:gone');
    await grantedToken(on.one, gone);
    await on.one.release(gone, WITHIN);

    const listed = await all(on.two.list!('job:', WITHIN));

    expect(listed.map(({ name }) => name).toSorted()).toEqual(['job:a', 'job:b*']);
    expect(listed.map(({ record }) => record).toSorted()).toEqual(
      held
        .slice(0, 2)
        .map(({ record }) => record)
        .toSorted(),
    );
    expect((await all(on.two.list!('job:b*', WITHIN))).length).toBe(1);
    expect((await all(on.two.list!('job:*', WITHIN))).length).toBe(0);
    expect((await all(on.two.list!('', WITHIN))).length).toBe(3);
  });
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
