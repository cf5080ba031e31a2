import { LockConfigurationError, LockStoreError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import type { OutageLog } from '../common/outage-log.js';
import type {
  AcquireReply,
  AcquireRequest,
  ForceRequest,
  LockStore,
  OwnerReply,
  QueueGrant,
  RenewRequest,
  StoredLock,
} from '../stores/lock-store.js';

/** A request that was not answered. */
export interface Failed {
  readonly status: 'failed';
  readonly error: LockStoreError;
}

/** Passes calls on to the store, turns their failures into replies, and logs when an outage begins and ends. */
export class WatchedStore {
  readonly #store: LockStore;
  readonly #outages: OutageLog;

  constructor(store: LockStore, outages: OutageLog) {
    this.#store = store;
    this.#outages = outages;
  }

  /** Never rejects: a failure is a reply. */
  async acquire(request: AcquireRequest, within: number): Promise<AcquireReply | Failed> {
    try {
      const reply = await this.#store.acquire(request, within);
      this.#outages.end('acquire');
      return reply;
    } catch (thrown) {
      return { status: 'failed', error: this.#failed('acquire', thrown) };
    }
  }

  /** @throws LockStoreError */
  renew(requests: readonly RenewRequest[], within: number): Promise<readonly (OwnerReply | undefined)[]> {
    return this.ask('renew', () => this.#store.renew(requests, within));
  }

  /** @throws LockStoreError */
  inspect(name: string, within: number): Promise<StoredLock | null> {
    return this.ask('inspect', () => this.#store.inspect(name, within));
  }

  /** @throws LockStoreError; LockConfigurationError if the store cannot list */
  list(prefix: string, within: number): AsyncIterable<StoredLock & { readonly name: string }> {
    const locks = this.#store.admin?.list(prefix, within)[Symbol.asyncIterator]();
    if (!locks) throw new LockConfigurationError(messages.storeCannot(this.#store.description, 'list'));
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => this.ask('list', () => locks.next()),
        // `for await` calls this if the reader leaves early, and neither after the end nor after an error.
        return: async () => {
          await ignoringErrors(() => locks.return?.());
          return { done: true, value: undefined };
        },
      }),
    };
  }

  /** @throws LockStoreError; LockConfigurationError if the store cannot force */
  async force(request: ForceRequest, within: number): Promise<OwnerReply> {
    const { admin, description } = this.#store;
    if (!admin) throw new LockConfigurationError(messages.storeCannot(description, 'force'));
    return this.ask('force', () => admin.force(request, within));
  }

  /** Calls back when it may be worth asking for the lock again; undefined if the store keeps no queue. */
  watch(name: string, onNews: (grant?: QueueGrant) => void): (() => void) | undefined {
    const unwatch = this.#store.queue?.watch(name, onNews);
    return unwatch && (() => void ignoringErrors(unwatch));
  }

  /** @throws LockStoreError */
  async ask<T>(operation: string, call: () => Promise<T>): Promise<T> {
    try {
      const reply = await call();
      this.#outages.end(operation);
      return reply;
    } catch (thrown) {
      throw this.#failed(operation, thrown);
    }
  }

  #failed(operation: string, thrown: unknown): LockStoreError {
    const { description } = this.#store;
    const error = asStoreError(description, thrown);
    this.#outages.begin(description, error.cause ?? error, error.refused ? operation : undefined);
    return error;
  }
}

/** Ends something that is no longer needed. An error in that must not cost the caller its grant. */
async function ignoringErrors(end: () => unknown): Promise<void> {
  try {
    await end();
  } catch {
    // See above.
  }
}

/** A user's store may throw anything. Then it is unknown whether the request took effect. */
function asStoreError(description: string, thrown: unknown): LockStoreError {
  if (thrown instanceof LockStoreError) return thrown;
  return new LockStoreError(messages.storeThrew(description, thrown), { cause: thrown, mayHaveRun: true });
}
