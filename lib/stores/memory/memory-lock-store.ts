import { SteadyClock, type Clock } from '../../common/clock.js';
import {
  acquireEntry,
  inspectEntry,
  newEntry,
  releaseEntry,
  renewEntry,
  type LockEntry,
  type StoreTime,
} from '../lock-entry.js';
import { STATE_RETENTION } from '../lock-store.js';
import type {
  AcquireReply,
  AcquireRequest,
  LockStore,
  OwnerReply,
  OwnerRequest,
  RenewRequest,
  StoredLock,
} from '../lock-store.js';

/** How many locks are remembered before those unused for {@link STATE_RETENTION} are looked for. */
const SWEEP_AT = 1000;

/** Locks in the memory of one process, for tests. */
export class MemoryLockStore implements LockStore {
  readonly description = 'memory of this process';
  readonly #entries = new Map<string, LockEntry & { usedAt: number }>();
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

  async release(request: OwnerRequest): Promise<OwnerReply> {
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
    const usedAt = this.#clock.now();
    const known = this.#entries.get(name);
    if (known) {
      known.usedAt = usedAt;
      return known;
    }
    if (this.#entries.size >= this.#sweepAt) this.#sweep(usedAt);
    const entry = { ...newEntry(), usedAt };
    this.#entries.set(name, entry);
    return entry;
  }

  #sweep(now: number): void {
    for (const [name, { usedAt, holder }] of this.#entries) {
      if (Math.max(usedAt, holder?.expiresAt ?? 0) < now - STATE_RETENTION) this.#entries.delete(name);
    }
    this.#sweepAt = Math.max(SWEEP_AT, this.#entries.size * 2);
  }
}
