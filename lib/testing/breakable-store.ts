import { LockStoreError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import type {
  AcquireReply,
  AcquireRequest,
  LockStore,
  OwnerReply,
  OwnerRequest,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
} from '../stores/lock-store.js';
import type { ManualClock } from './manual-clock.js';

type Listener = (owner: OwnerRequest, how: 'taken' | 'vanished') => void;

/** The way from applications to a store, which a test can cut. */
export class BreakableStore implements LockStore {
  readonly description = 'store of the test kit';
  readonly clock: ManualClock;
  readonly #locks: LockStore;
  readonly #listeners = new Set<Listener>();
  #downUntil = 0;

  constructor(locks: LockStore, clock: ManualClock) {
    this.#locks = locks;
    this.clock = clock;
  }

  acquire(request: AcquireRequest, within: number): Promise<AcquireReply> {
    return this.#ask(() => this.#locks.acquire(request, within));
  }

  renew(requests: readonly RenewRequest[], within: number): Promise<(OwnerReply | undefined)[]> {
    return this.#ask(() => this.#locks.renew(requests, within));
  }

  release(request: ReleaseRequest, within: number): Promise<OwnerReply> {
    return this.#ask(() => this.#locks.release(request, within));
  }

  undo(request: OwnerRequest, within: number): Promise<OwnerReply> {
    return this.#ask(() => this.#locks.undo(request, within));
  }

  inspect(name: string, within: number): Promise<StoredLock | null> {
    return this.#ask(() => this.#locks.inspect(name, within));
  }

  whenTakenAway(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** One application leaves; others may stay. */
  async close(): Promise<void> {}

  /** Every call fails until the clock says so; `0`: from now on none does. */
  failUntil(time: number): void {
    this.#downUntil = time;
  }

  tellTakenAway(owner: OwnerRequest, how: 'taken' | 'vanished'): void {
    for (const listener of this.#listeners) listener(owner, how);
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    if (this.clock.now() < this.#downUntil) {
      const cause = new Error(messages.testTookItDown());
      throw new LockStoreError(messages.storeThrew(this.description, cause), { cause, mayHaveRun: false });
    }
    return call();
  }
}
