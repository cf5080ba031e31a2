import { LockStoreError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import type {
  AcquireReply,
  AcquireRequest,
  ForceRequest,
  LockAdmin,
  LockQueue,
  LockRuns,
  LockStore,
  OwnerReply,
  OwnerRequest,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
} from '../stores/lock-store.js';
import type { MemoryLockStore } from '../stores/memory/memory-lock-store.js';
import type { ManualClock } from './manual-clock.js';

type Listener = (owner: OwnerRequest, how: 'taken' | 'vanished') => void;

/** The connection of applications to a store. A test can cut it. */
export class BreakableStore implements LockStore {
  readonly description = 'store of the test kit';
  readonly clock: ManualClock;
  readonly queue: LockQueue = { watch: (name, onNews) => this.#locks.queue.watch(name, onNews) };
  readonly admin: LockAdmin = {
    list: (prefix, within) => this.#list(prefix, within),
    force: (request, within) => this.#force(request, within),
  };
  readonly runs: LockRuns = {
    read: (jobs, within) => this.#ask(() => this.#locks.runs.read(jobs, within)),
    pause: (job, pause, within) => this.#ask(() => this.#locks.runs.pause(job, pause, within)),
    publish: (replica, entry, ttl, within) =>
      this.#ask(() => this.#locks.runs.publish(replica, entry, ttl, within)),
    replicas: (within) => this.#ask(() => this.#locks.runs.replicas(within)),
  };
  readonly #locks: MemoryLockStore;
  readonly #listeners = new Set<Listener>();
  #downUntil = 0;

  constructor(locks: MemoryLockStore, clock: ManualClock) {
    this.#locks = locks;
    this.clock = clock;
  }

  acquire(request: AcquireRequest): Promise<AcquireReply> {
    return this.#ask(() => this.#locks.acquire(request));
  }

  renew(requests: readonly RenewRequest[]): Promise<(OwnerReply | undefined)[]> {
    return this.#ask(() => this.#locks.renew(requests));
  }

  release(request: ReleaseRequest): Promise<OwnerReply> {
    return this.#ask(() => this.#locks.release(request));
  }

  inspect(name: string): Promise<StoredLock | null> {
    return this.#ask(() => this.#locks.inspect(name));
  }

  onTakenAway(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** Does nothing: other applications may still use the store. */
  async close(): Promise<void> {}

  /** Makes every call fail until this time of the clock. With 0, calls succeed again. */
  failUntil(time: number): void {
    this.#downUntil = time;
  }

  tellTakenAway(owner: OwnerRequest, how: 'taken' | 'vanished'): void {
    for (const listener of this.#listeners) listener(owner, how);
  }

  async #force(request: ForceRequest, within: number): Promise<OwnerReply> {
    const held = await this.#locks.inspect(request.name);
    const reply = await this.#ask(() => this.#locks.admin.force(request, within));
    if (held?.owner && reply === 'held')
      this.tellTakenAway({ name: request.name, owner: held.owner }, 'vanished');
    return reply;
  }

  async *#list(prefix: string, within: number): AsyncGenerator<StoredLock & { name: string }> {
    await this.#ask(async () => {});
    yield* this.#locks.admin.list(prefix, within);
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    if (this.clock.now() < this.#downUntil) {
      const cause = new Error(messages.testTookItDown());
      throw new LockStoreError(messages.storeThrew(this.description, cause), { cause, mayHaveRun: false });
    }
    return call();
  }
}
