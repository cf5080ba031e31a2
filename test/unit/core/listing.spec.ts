import { LockStoreError } from '../../../lib/common/errors.js';
import type { LockState } from '../../../lib/core/lock-manager.js';
import type { LockStore, StoredLock } from '../../../lib/stores/lock-store.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { useRealTime } from './support/manual-clock.js';
import { startReplica } from './support/replica.js';

afterEach(useRealTime);

/** Lists these names, as they come. */
class ListingStore extends MemoryLockStore {
  readonly #names: readonly string[];
  ended = false;

  constructor(...names: string[]) {
    super();
    this.#names = names;
  }

  override async *list(): AsyncGenerator<StoredLock & { name: string }> {
    try {
      for (const name of this.#names)
        yield { name, record: '"holder"', remaining: 1000, fencingToken: undefined };
    } finally {
      this.ended = true;
    }
  }
}

/** What a reader gets of a store that lists so. */
function listed(locks: AsyncIterator<StoredLock & { name: string }>): AsyncGenerator<LockState> {
  const store: LockStore = new MemoryLockStore();
  store.list = () => ({ [Symbol.asyncIterator]: () => locks });
  return startReplica({ store }).locks.list('');
}

describe('a listing', () => {
  it('tells a lock once, also where the store comes upon it again', async () => {
    const { locks } = startReplica({ store: new ListingStore('a', 'b', 'a', 'c', 'b') });
    const names: string[] = [];
    for await (const { name } of locks.list('')) names.push(name);
    expect(names).toEqual(['a', 'b', 'c']);
  });

  it('that is left early is ended in the store, too', async () => {
    const store = new ListingStore('a', 'b');
    const { locks } = startReplica({ store });
    const names: string[] = [];
    for await (const { name } of locks.list('')) {
      names.push(name);
      break;
    }
    expect(names).toEqual(['a']);
    expect(store.ended).toBe(true);
  });

  it('that is left early may fail to end: nobody wants to know', async () => {
    const lock = { name: 'a', record: '"holder"', remaining: 1000, fencingToken: undefined };
    const listing = listed({
      next: () => Promise.resolve({ done: false, value: lock }),
      return: () => Promise.reject(new Error('down')),
    });
    await listing.next();
    await expect(listing.return(undefined)).resolves.toEqual({ done: true, value: undefined });
  });

  it('that fails is not ended: the store may never answer to that', async () => {
    const down = new LockStoreError('down', { mayHaveRun: true });
    const listing = listed({ next: () => Promise.reject(down), return: () => new Promise(() => {}) });
    await expect(listing.next()).rejects.toBe(down);
  });
});
