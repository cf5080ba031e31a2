import { LockStoreError } from '../../../lib/common/errors.js';
import type { StoredLock } from '../../../lib/stores/lock-store.js';
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
      for (const name of this.#names) yield { name, record: '"holder"', remaining: 1000, fence: undefined };
    } finally {
      this.ended = true;
    }
  }
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

  it('fails with what the store said first, also where that cannot end it either', async () => {
    const down = new LockStoreError('down', { mayHaveRun: true });
    const listing = {
      next: () => Promise.reject(down),
      return: () => Promise.reject(new Error('still down')),
    };
    const list = (): AsyncIterable<never> => ({ [Symbol.asyncIterator]: () => listing });
    const { locks } = startReplica({ store: Object.assign(new MemoryLockStore(), { list }) });

    await expect(locks.list('').next()).rejects.toBe(down);
  });
});
