import { TURN_TIMEOUT, type AcquireRequest, type LockStore } from '../../../../lib/stores/lock-store.js';
import { eventually } from '../../../support/eventually.js';
import { fenceOf, grantedFence, LONG, request, SHORT, WITHIN, type Subject } from './subject.js';

/** Stands in line for the lock, which is busy; the store tells when it is its turn. */
async function standInLine(store: LockStore, name: string, waited = 0): Promise<Waiter> {
  const wanted = { ...request(name), waited };
  const waiter: Waiter = { wanted, turns: 0, stop: () => {} };
  waiter.stop = store.watch!(name, () => waiter.turns++);
  // A connection that listens may have to be made first.
  await eventually(async () => {
    const reply = await store.acquire(wanted, WITHIN);
    return reply.status === 'busy' && reply.inLine !== false;
  });
  return waiter;
}

interface Waiter {
  readonly wanted: AcquireRequest;
  turns: number;
  stop: () => void;
}

export function describeWaiting(on: Subject): void {
  const holderOf = async (name: string): Promise<string | undefined> =>
    (await on.one.inspect(name, WITHIN))?.record;

  it('has the lock given to who waits, and tells it, when the holder gives it back', async () => {
    const holder = request('a');
    const fence = await grantedFence(on.one, holder);
    const waiter = await standInLine(on.two, 'a');
    const before = waiter.turns;

    expect(await on.one.release(holder, WITHIN)).toBe('held');

    await eventually(() => waiter.turns > before);
    const handed = await on.one.inspect('a', WITHIN);
    expect(handed?.record).toBe(waiter.wanted.record);
    expect(handed?.remaining).toBeLessThanOrEqual(TURN_TIMEOUT);
    const granted = fenceOf(await on.two.acquire(waiter.wanted, WITHIN));
    expect(granted).toBeGreaterThan(fence);
    expect((await on.one.inspect('a', WITHIN))?.remaining).toBeGreaterThan(LONG - 5000);
    waiter.stop();
  });

  it('gives it to whoever has waited for longest', async () => {
    const holder = request('a');
    await grantedFence(on.one, holder);
    const young = await standInLine(on.one, 'a', 10);
    const old = await standInLine(on.two, 'a', 10_000);
    const youngest = await standInLine(on.two, 'a', 0);

    await on.one.release(holder, WITHIN);
    expect(await holderOf('a')).toBe(old.wanted.record);
    await on.two.release(old.wanted, WITHIN);
    expect(await holderOf('a')).toBe(young.wanted.record);
    await on.one.release(young.wanted, WITHIN);
    expect(await holderOf('a')).toBe(youngest.wanted.record);
    await on.two.release(youngest.wanted, WITHIN);
    expect(await holderOf('a')).toBeUndefined();
    for (const { stop } of [young, old, youngest]) stop();
  });

  it('does not let a newcomer pass when the lock has expired', async () => {
    const holder = request('a', { ttl: SHORT });
    await grantedFence(on.one, holder);
    const waiter = await standInLine(on.two, 'a');
    await on.expiry('a');

    expect(await on.one.acquire(request('a'), WITHIN)).toMatchObject({
      status: 'busy',
      record: waiter.wanted.record,
    });
    expect(await on.two.acquire(waiter.wanted, WITHIN)).toMatchObject({ status: 'granted' });
    waiter.stop();
  });

  it('keeps a place that is asked for again', async () => {
    const holder = request('a');
    await grantedFence(on.one, holder);
    const [first, second] = [await standInLine(on.one, 'a', 20), await standInLine(on.two, 'a', 10)];
    await on.one.acquire(first.wanted, WITHIN);
    expect((await on.one.inspect('a', WITHIN))?.waiters).toBe(2);

    await on.one.release(holder, WITHIN);

    expect(await holderOf('a')).toBe(first.wanted.record);
    for (const { stop } of [first, second]) stop();
  });

  it('forgets who has left, and passes on what it was just given', async () => {
    const holder = request('a');
    await grantedFence(on.one, holder);
    const [first, second, third] = [
      await standInLine(on.one, 'a', 30),
      await standInLine(on.two, 'a', 20),
      await standInLine(on.two, 'a', 10),
    ];
    expect(await on.one.leave!(first.wanted, WITHIN)).toBe('taken');
    await on.one.release(holder, WITHIN);
    expect(await holderOf('a')).toBe(second.wanted.record);

    expect(await on.two.leave!(second.wanted, WITHIN)).toBe('held');

    expect(await holderOf('a')).toBe(third.wanted.record);
    await on.two.undo(third.wanted, WITHIN);
    expect(await holderOf('a')).toBeUndefined();
    for (const { stop } of [first, second, third]) stop();
  });

  it('takes who is undone out of the line', async () => {
    const holder = request('a');
    await grantedFence(on.one, holder);
    const waiter = await standInLine(on.two, 'a');
    await on.two.undo(waiter.wanted, WITHIN);

    await on.one.release(holder, WITHIN);

    expect(await holderOf('a')).toBeUndefined();
    waiter.stop();
  });

  it('frees by force the very grant that is named, and hands it over', async () => {
    const fence = await grantedFence(on.one, request('a'));
    const waiter = await standInLine(on.two, 'a');
    expect(await on.two.force!({ name: 'a', fence: fence - 1 }, WITHIN)).toBe('taken');

    expect(await on.two.force!({ name: 'a', fence }, WITHIN)).toBe('held');

    expect(await holderOf('a')).toBe(waiter.wanted.record);
    expect(await on.two.force!({ name: 'a', fence }, WITHIN)).toBe('taken');
    expect(await on.two.force!({ name: 'free', fence }, WITHIN)).toBe('vanished');
    waiter.stop();
  });

  it('lists the locks that are held, by the beginning of their names', async () => {
    const held = [request('job:a'), request('job:b*'), request('other')];
    for (const one of held) await grantedFence(on.one, one);
    const gone = request('job:gone');
    await grantedFence(on.one, gone);
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
