import type { Clock } from '../common/clock.js';
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
import type { Outage } from './outage.js';
import { Suspension } from './suspension.js';

type Listener = (owner: OwnerRequest, how: 'taken' | 'vanished') => void;

/** The connection of an application to a store. It breaks in an outage, and does nothing while the application is suspended. */
export class BreakableStore implements LockStore {
  readonly description = 'store of the test kit';
  readonly clock: Clock;
  readonly queue: LockQueue = { watch: (name, onNews) => this.#watch(name, onNews) };
  readonly admin: LockAdmin = {
    list: (prefix, within) => this.#list(prefix, within),
    force: (request, within) => this.#force(request, within),
  };
  readonly runs: LockRuns = {
    read: (jobs, within) => this.#ask(within, () => this.#locks.runs.read(jobs, within)),
    pause: (job, pause, within) => this.#ask(within, () => this.#locks.runs.pause(job, pause, within)),
    publish: (replica, entry, ttl, within) =>
      this.#ask(within, () => this.#locks.runs.publish(replica, entry, ttl, within)),
    replicas: (within) => this.#ask(within, () => this.#locks.runs.replicas(within)),
  };
  readonly #locks: MemoryLockStore;
  readonly #outages: readonly Outage[];
  readonly #suspension: Suspension;
  readonly #listeners = new Set<Listener>();

  constructor(
    locks: MemoryLockStore,
    clock: Clock,
    outages: readonly Outage[],
    suspension: Suspension = new Suspension(),
  ) {
    this.#locks = locks;
    this.clock = clock;
    this.#outages = outages;
    this.#suspension = suspension;
  }

  acquire(request: AcquireRequest, within: number): Promise<AcquireReply> {
    return this.#ask(within, () => this.#locks.acquire(request));
  }

  renew(requests: readonly RenewRequest[], within: number): Promise<(OwnerReply | undefined)[]> {
    return this.#ask(within, () => this.#locks.renew(requests));
  }

  release(request: ReleaseRequest, within: number): Promise<OwnerReply> {
    return this.#ask(within, () => this.#locks.release(request));
  }

  inspect(name: string, within: number): Promise<StoredLock | null> {
    return this.#ask(within, () => this.#locks.inspect(name));
  }

  onTakenAway(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** Does nothing: other applications may still use the store. */
  async close(): Promise<void> {}

  tellTakenAway(owner: OwnerRequest, how: 'taken' | 'vanished'): void {
    for (const listener of this.#listeners) this.#suspension.whenAwake(() => listener(owner, how));
  }

  #watch(name: string, onNews: Parameters<LockQueue['watch']>[1]): () => void {
    return this.#locks.queue.watch(name, (grant) => void this.#suspension.whenAwake(() => onNews(grant)));
  }

  async #force(request: ForceRequest, within: number): Promise<OwnerReply> {
    const held = await this.#locks.inspect(request.name);
    const reply = await this.#ask(within, () => this.#locks.admin.force(request, within));
    if (held?.owner && reply === 'held')
      this.tellTakenAway({ name: request.name, owner: held.owner }, 'vanished');
    return reply;
  }

  async *#list(prefix: string, within: number): AsyncGenerator<StoredLock & { name: string }> {
    await this.#ask(within, async () => {});
    yield* this.#locks.admin.list(prefix, within);
  }

  async #ask<T>(within: number, call: () => Promise<T>): Promise<T> {
    if (this.#suspension.isOn) await this.#awake(within, false);
    if (this.#outages.some(({ isOn }) => isOn)) throw this.#failure(messages.testTookItDown(), false);
    const reply = await call();
    if (this.#suspension.isOn) await this.#awake(within, true);
    return reply;
  }

  /** Asked for only in a suspension: a promise more would delay each call of an application that is awake. */
  async #awake(within: number, mayHaveRun: boolean): Promise<void> {
    if (!(await this.#suspension.awake(within))) throw this.#failure(messages.testSuspendedIt(), mayHaveRun);
  }

  #failure(why: string, mayHaveRun: boolean): LockStoreError {
    const cause = new Error(why);
    return new LockStoreError(messages.storeThrew(this.description, cause), { cause, mayHaveRun });
  }
}
