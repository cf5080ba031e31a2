import { LockConfigurationError, LockStoreError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import type { OutageLog } from '../common/outage-log.js';
import type {
  AcquireReply,
  AcquireRequest,
  ForceRequest,
  LockStore,
  OwnerReply,
  RenewRequest,
  StoredLock,
  Turn,
} from '../stores/lock-store.js';

/** Those calls of a store whose failure is somebody's answer; tells the operator when they begin and end to fail. */
export class WatchedStore {
  readonly #store: LockStore;
  readonly #outages: OutageLog;

  constructor(store: LockStore, outages: OutageLog) {
    this.#store = store;
    this.#outages = outages;
  }

  /** @throws LockStoreError */
  acquire(request: AcquireRequest, within: number): Promise<AcquireReply> {
    return this.#ask('acquire', () => this.#store.acquire(request, within));
  }

  /** @throws LockStoreError */
  renew(requests: readonly RenewRequest[], within: number): Promise<(OwnerReply | undefined)[]> {
    return this.#ask('renew', () => this.#store.renew(requests, within));
  }

  /** @throws LockStoreError */
  inspect(name: string, within: number): Promise<StoredLock | null> {
    return this.#ask('inspect', () => this.#store.inspect(name, within));
  }

  /** @throws LockStoreError; LockConfigurationError where the store cannot list */
  list(prefix: string, within: number): AsyncIterable<StoredLock & { readonly name: string }> {
    const locks = this.#store.list?.(prefix, within)[Symbol.asyncIterator]();
    if (!locks) throw new LockConfigurationError(messages.storeCannot(this.#store.description, 'list'));
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => this.#ask('list', () => locks.next()),
        // `for await` calls it where the reader leaves, and neither after the end nor after an error.
        return: async () => {
          await ignoringErrors(() => locks.return?.());
          return { done: true, value: undefined };
        },
      }),
    };
  }

  /** @throws LockStoreError; LockConfigurationError where the store cannot force */
  async force(request: ForceRequest, within: number): Promise<OwnerReply> {
    const store = this.#store;
    if (!hasForce(store)) throw new LockConfigurationError(messages.storeCannot(store.description, 'force'));
    return this.#ask('force', () => store.force(request, within));
  }

  /** Hears when it may be worth asking for the lock again; undefined where the store does not tell. */
  watch(name: string, onTurn: (turn?: Turn) => void): (() => void) | undefined {
    const unwatch = this.#store.watch?.(name, onTurn);
    return unwatch && (() => void ignoringErrors(unwatch));
  }

  async #ask<T>(operation: string, call: () => Promise<T>): Promise<T> {
    try {
      const reply = await call();
      this.#outages.end(operation);
      return reply;
    } catch (thrown) {
      const error = asStoreError(this.#store.description, thrown);
      const refused = error.refused ? operation : undefined;
      this.#outages.begin(this.#store.description, error.cause ?? error, refused);
      throw error;
    }
  }
}

/** Ends what nobody wants any more: a grant must not be lost for it. */
async function ignoringErrors(end: () => unknown): Promise<void> {
  try {
    await end();
  } catch {
    // Said above.
  }
}

function hasForce(store: LockStore): store is LockStore & Required<Pick<LockStore, 'force'>> {
  return store.force !== undefined;
}

/** A store of somebody else's may throw anything; then nothing is known of what it did. */
function asStoreError(description: string, thrown: unknown): LockStoreError {
  if (thrown instanceof LockStoreError) return thrown;
  return new LockStoreError(messages.storeThrew(description, thrown), { cause: thrown, mayHaveRun: true });
}
