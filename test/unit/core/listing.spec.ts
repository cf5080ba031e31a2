import { LockStoreError } from '../../../lib/common/errors.js';
import type { LockState } from '../../../lib/core/lock-manager.js';
import type { LockAdmin, StoredLock } from '../../../lib/stores/lock-store.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { useRealTime } from './support/manual-clock.js';
import { startReplica } from './support/replica.js';

afterEach(useRealTime);

type Named = StoredLock & { readonly name: string };

function lock(name: string): Named {
  return { name, owner: undefined, holder: '"holder"', remaining: 1000, fencingToken: undefined };
}

/** A store that lists so. */
class ListingStore extends MemoryLockStore {
  override readonly admin: LockAdmin;

  constructor(list: () => AsyncIterator<Named>) {
    super();
    this.admin = {
      list: () => ({ [Symbol.asyncIterator]: list }),
      force: () => Promise.reject(new Error('not asked for')),
    };
  }
}

/** What a reader gets of a store that lists so. */
function listed(locks: AsyncIterator<Named>): AsyncGenerator<LockState> {
  return startReplica({ store: new ListingStore(() => locks) }).locks.list('');
}

describe('a listing', () => {
  it('returns a lock once, even if the store finds it again', async () => {
    const { locks } = startReplica({
      store: new ListingStore(async function* () {
        for (const name of ['a', 'b', 'a', 'c', 'b']) yield lock(name);
      }),
    });
    const names: string[] = [];
    for await (const { name } of locks.list('')) names.push(name);
    expect(names).toEqual(['a', 'b', 'c']);
  });

  it('that is left early also ends in the store', async () => {
    let ended = false;
    const store = new ListingStore(async function* () {
      try {
        yield lock('a');
        yield lock('b');
      } finally {
        ended = true;
      }
    });
    const { locks } = startReplica({ store });
    const names: string[] = [];
    for await (const { name } of locks.list('')) {
      names.push(name);
      break;
    }
    expect(names).toEqual(['a']);
    expect(ended).toBe(true);
  });

  it('that is left early may fail to end, which is ignored', async () => {
    const listing = listed({
      next: () => Promise.resolve({ done: false, value: lock('a') }),
      return: () => Promise.reject(new Error('down')),
    });
    await listing.next();
    await expect(listing.return(undefined)).resolves.toEqual({ done: true, value: undefined });
  });

  it('that fails is not ended, because the store may never answer', async () => {
    const down = new LockStoreError('down', { mayHaveRun: true });
    const listing = listed({ next: () => Promise.reject(down), return: () => new Promise(() => {}) });
    await expect(listing.next()).rejects.toBe(down);
  });
});
