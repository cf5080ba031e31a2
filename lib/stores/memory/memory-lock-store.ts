import { SteadyClock, type Clock } from '../../common/clock.js';
import {
  acquireEntry,
  inspectEntry,
  isForgettable,
  newEntry,
  releaseEntry,
  renewEntry,
  type LockEntry,
  type StoreTime,
} from '../lock-entry.js';
import type {
  AcquireReply,
  AcquireRequest,
  LockStore,
  OwnerReply,
  OwnerRequest,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
} from '../lock-store.js';

/** How many locks are remembered before those are looked for that can be forgotten. */
const SWEEP_AT = 1000;

/** Locks in the memory of one process, for tests. */
export class MemoryLockStore implements LockStore {
  readonly description = 'memory of this process';
  readonly #entries = new Map<string, LockEntry>();
  readonly #clock: Clock;
  readonly #wall: () => number;
  #sweepAt = SWEEP_AT;

  constructor(clock: Clock = new SteadyClock(), wall: () => number = Date.now) {
    this.#clock = clock;
    this.#wall = wall;
  }

  async acquire(request: AcquireRequest): Promise<AcquireReply> {
    return acquireEntry(this.#entry(request.name), request, this.#time());
  }

  async renew(requests: readonly RenewRequest[]): Promise<OwnerReply[]> {
    const time = this.#time();
    return requests.map((request) => renewEntry(this.#entry(request.name), request, time));
  }

  async release(request: ReleaseRequest): Promise<OwnerReply> {
    return releaseEntry(this.#entry(request.name), request, this.#time());
  }

  /** A call is carried out at once, so none can arrive later. */
  undo(request: OwnerRequest): Promise<OwnerReply> {
    return this.release(request);
  }

  async inspect(name: string): Promise<StoredLock | null> {
    return inspectEntry(this.#entry(name), this.#time());
  }

  async close(): Promise<void> {
    this.#entries.clear();
  }

  #time(): StoreTime {
    return { steady: this.#clock.now(), wall: this.#wall() };
  }

  #entry(name: string): LockEntry {
    const known = this.#entries.get(name);
    if (known) return known;
    if (this.#entries.size >= this.#sweepAt) this.#sweep();
    const entry = newEntry();
    this.#entries.set(name, entry);
    return entry;
  }

  #sweep(): void {
    const time = this.#time();
    for (const [name, entry] of this.#entries) {
      if (isForgettable(entry, time)) this.#entries.delete(name);
    }
    this.#sweepAt = Math.max(SWEEP_AT, this.#entries.size * 2);
  }
}
