import { LockLedger } from '../../../lib/stores/lock-ledger.js';
import { TOKEN_RETENTION, VOID_RETENTION } from '../../../lib/stores/lock-store.js';
import { ended, keyClaim, request } from '../../../lib/testing/store-contract/subject.js';

const NOW = 1_800_000_000_000;

describe('a ledger', () => {
  it('is a text between two decisions', () => {
    const held = request('job', { ttl: 1000 });
    const first = LockLedger.parse();
    expect(first.acquire(held, NOW)).toMatchObject({ status: 'granted', fencingToken: NOW * 1000 });

    const second = LockLedger.parse(String(first));
    expect(second.inspect(NOW + 1)).toMatchObject({ owner: held.owner, holder: held.holder, remaining: 999 });
    expect(second.renew(held, NOW + 500)).toBe('held');

    const third = LockLedger.parse(String(second));
    expect(third.acquire(request('job'), NOW + 1400)).toMatchObject({ status: 'busy', owner: held.owner });
    expect(third.inspect(NOW + 1500)).toBeNull();
  });

  it('is to be written when it has changed, and only then', () => {
    const ledger = LockLedger.parse();
    expect(ledger.inspect(NOW)).toBeNull();
    expect(ledger.release(ended(request('job')), NOW)).toBe('vanished');
    expect(ledger.hasChanged).toBe(false);
    ledger.acquire(request('job'), NOW);
    expect(ledger.hasChanged).toBe(true);

    const read = LockLedger.parse(String(ledger));
    read.acquire(request('job'), NOW);
    expect(read.hasChanged).toBe(false);
  });

  it('says for how long it is needed', () => {
    const claim = keyClaim('v1', 3 * TOKEN_RETENTION);
    const held = request('job', { claim, ttl: 1000 });
    const ledger = LockLedger.parse();
    ledger.acquire(held, NOW);
    expect(ledger.keepUntil).toBeGreaterThanOrEqual(NOW + TOKEN_RETENTION);
    ledger.release(ended(held, 'completed'), NOW);
    expect(ledger.keepUntil).toBe(NOW + 3 * TOKEN_RETENTION);

    const long = LockLedger.parse();
    long.acquire(request('job', { ttl: 2 * TOKEN_RETENTION }), NOW);
    expect(long.keepUntil).toBe(NOW + 2 * TOKEN_RETENTION);
  });

  it('grants nothing to an owner that is void, for as long as its request may take to arrive', () => {
    const late = request('job');
    const ledger = LockLedger.parse();
    ledger.release(ended(late, 'void'), NOW);
    expect(ledger.hasChanged).toBe(true);
    expect(ledger.keepUntil).toBe(NOW + VOID_RETENTION);

    const read = LockLedger.parse(String(ledger));
    expect(read.acquire(late, NOW + VOID_RETENTION - 1)).toMatchObject({ status: 'done' });
    expect(read.acquire(request('job'), NOW + VOID_RETENTION - 1)).toMatchObject({ status: 'granted' });
  });

  it('forgets the void owners of long ago', () => {
    const ledger = LockLedger.parse();
    for (let i = 0; i < 100; i++) ledger.release(ended(request('job'), 'void'), NOW + i * VOID_RETENTION);
    expect(String(ledger).length).toBeLessThan(200);
  });

  it('queues waiters, and hands over by force', () => {
    const ledger = LockLedger.parse();
    ledger.acquire(request('job'), NOW);
    const waiter = request('job', { waited: 0 });
    expect(ledger.acquire(waiter, NOW)).toMatchObject({ status: 'busy', queued: true });
    expect(ledger.force({ name: 'job', fencingToken: NOW * 1000 + 1 }, NOW)).toBe('taken');
    expect(ledger.force({ name: 'job', fencingToken: NOW * 1000 }, NOW)).toBe('held');
    expect(LockLedger.parse(String(ledger)).inspect(NOW)).toMatchObject({ owner: waiter.owner, waiters: 0 });
  });
});
