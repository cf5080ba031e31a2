import type { HeldLease } from '../../../lib/core/held-lease.js';
import { GRANT_TIMEOUT } from '../../../lib/stores/lock-store.js';
import { settle, useRealTime } from './support/manual-clock.js';
import { startReplica, TTL, type Replica } from './support/replica.js';
import { hangs } from './support/scripted-store.js';

/** Of a lease that is kept for GRANT_TIMEOUT. */
const MARGIN = GRANT_TIMEOUT / 20;

let replica: Replica;
let lease: HeldLease;

beforeEach(async () => {
  replica = startReplica();
  replica.store.reportsGrants = true;
  lease = await startReplica({}, replica).acquire('a');
});
afterEach(useRealTime);

const asks = () => replica.store.callsOf('acquire').length;
/** The record of who waits. */
const owner = () => replica.store.callsOf('acquire').at(-1)!.owners[0];

describe('a waiter that is notified of its grant', () => {
  it('has the lock without another request, and renews it at once', async () => {
    const waiting = replica.acquire('a', { wait: true });
    await settle();
    const before = asks();

    await lease.release();

    const mine = await waiting;
    expect(asks()).toBe(before);
    expect(mine.held).toBe(true);
    expect(mine.fencingToken).toBe((await replica.store.holderOf('a'))?.fencingToken);
    await replica.clock.pass(1);
    expect(replica.store.callsOf('renew').at(-1)?.owners).toEqual([mine.owner]);
    expect(mine.remaining).toBeGreaterThan(TTL - 1000);
    await mine.release();
    expect(await replica.store.holderOf('a')).toBeNull();
  });

  it('counts its time from before the last request that was answered', async () => {
    replica.store.always('renew', hangs);
    const waiting = replica.acquire('a', { wait: true });
    await replica.clock.pass(1500);
    await lease.release();
    const mine = await waiting;
    const { signal } = mine;
    expect(mine.remaining).toBe(GRANT_TIMEOUT - MARGIN - 1500);

    await replica.clock.pass(GRANT_TIMEOUT - MARGIN - 1500);

    expect(signal.aborted).toBe(true);
    expect((await replica.store.holderOf('a'))?.remaining).toBeGreaterThanOrEqual(MARGIN);
  });

  it('loses the lock if the first renewal finds another holder', async () => {
    const waiting = replica.acquire('a', { wait: true });
    await settle();
    await lease.release();
    const mine = await waiting;
    await replica.store.steal('a');

    await replica.clock.pass(1);

    expect(mine.lossReason).toBe('taken');
  });

  it('asks instead if little of its time is left', async () => {
    const waiting = replica.acquire('a', { wait: true, ttl: 1000 });
    await replica.clock.pass(700);
    const before = asks();
    await lease.release();
    expect((await waiting).held).toBe(true);
    expect(asks()).toBe(before + 1);
  });

  it('releases the lock if its caller has gone', async () => {
    const controller = new AbortController();
    const waiting = replica.acquire('a', { wait: true, signal: controller.signal });
    await settle();
    const reason = new Error('the client has gone');
    const released = lease.release();
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await released;
    await settle();
    expect(await replica.store.holderOf('a')).toBeNull();
  });
});

describe('a notification of a grant', () => {
  it.each([
    [
      'came before the last answer',
      () => ({ owner: owner(), fencingToken: lease.fencingToken, keptFor: TTL }),
    ],
    ['is for another', () => ({ owner: 'another', fencingToken: lease.fencingToken + 1, keptFor: TTL })],
  ])('is only a reason to ask if it %s', async (_, turn) => {
    const waiting = replica.acquire('a', { wait: true });
    await settle();
    const before = asks();
    let had = false;
    void waiting.then(() => (had = true));

    replica.store.notify(turn());
    await settle();

    expect(asks()).toBe(before + 1);
    expect(had).toBe(false);
    await lease.release();
    expect((await waiting).held).toBe(true);
  });

  it('is only a reason to ask if the store has sent no fencing token', async () => {
    replica.store.reportsGrants = false;
    const waiting = replica.acquire('a', { wait: true });
    await settle();
    const before = asks();

    replica.store.notify({ owner: owner(), fencingToken: lease.fencingToken + 1, keptFor: TTL });
    await settle();

    expect(asks()).toBe(before + 1);
    await lease.release();
    expect((await waiting).held).toBe(true);
  });
});
