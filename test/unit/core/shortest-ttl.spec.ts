import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { useRealTime } from './support/manual-clock.js';
import { startReplica } from './support/replica.js';

afterEach(useRealTime);

class SlowlyFreeing extends MemoryLockStore {
  readonly shortestTtl = 2000;
}

describe('a store that cannot free the lock of a dead process sooner than after 2 seconds', () => {
  it('refuses a shorter TTL of the application', () => {
    const store = new SlowlyFreeing();
    expect(() => startReplica({ store, ttl: 1999 })).toThrow(/at least 2000 .* got ttl = 1999/);
  });

  it('refuses a shorter TTL of one lock, and takes 2 seconds', async () => {
    const { locks } = startReplica({ store: new SlowlyFreeing() });
    expect(() => locks.tryAcquire('a', { ttl: 1999 })).toThrow(/at least 2000 .* got ttl = 1999/);
    expect(await locks.tryAcquire('a', { ttl: 2000 })).toMatchObject({ status: 'acquired' });
  });
});
