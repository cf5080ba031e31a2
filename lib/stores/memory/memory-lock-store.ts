import { SteadyClock, type Clock } from '../../common/clock.js';
import {
  acquireEntry,
  forceEntry,
  inspectEntry,
  isForgettable,
  leaveEntry,
  newEntry,
  releaseEntry,
  renewEntry,
  undoEntry,
  type Decision,
  type LockEntry,
  type StoreTime,
} from '../lock-entry.js';
import type {
  AcquireReply,
  AcquireRequest,
  ForceRequest,
  LockStore,
  OwnerReply,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
  UndoRequest,
} from '../lock-store.js';

/** How many locks are remembered before those are looked for that can be forgotten. */
const SWEEP_AT = 1000;

/** Locks in the memory of one process, for tests. */
export class MemoryLockStore implements LockStore {
  readonly description = 'memory of this process';
  readonly #entries = new Map<string, LockEntry>();
  readonly #clock: Clock;
  readonly #wall: () => number;
  readonly #watchers = new Map<string, Set<() => void>>();
  #sweepAt = SWEEP_AT;

  constructor(clock: Clock = new SteadyClock(), wall: () => number = Date.now) {
    this.#clock = clock;
    this.#wall = wall;
  }

  async acquire(request: AcquireRequest): Promise<AcquireReply> {
    const { name, record, waited } = request;
    const entry = this.#entry(name);
    const before = entry.holder?.record;
    const [reply] = acquireEntry(entry, request, this.#time());
    // The question may be what gives the lock to the next in line.
    const after = entry.holder?.record;
    if (after !== before && after !== record) this.#tell(name);
    if (reply.status !== 'busy' || waited === undefined) return reply;
    return { ...reply, inLine: this.#watchers.has(name) };
  }

  async renew(requests: readonly RenewRequest[]): Promise<OwnerReply[]> {
    const time = this.#time();
    return requests.map((request) => renewEntry(this.#entry(request.name), request, time)[0]);
  }

  async release(request: ReleaseRequest): Promise<OwnerReply> {
    return this.#free(request.name, (entry, time) => releaseEntry(entry, request, time));
  }

  /** A call is carried out at once, so none can arrive later. */
  async undo(request: UndoRequest): Promise<OwnerReply> {
    return this.#free(request.name, (entry, time) => undoEntry(entry, request, time));
  }

  async leave(request: RenewRequest): Promise<OwnerReply> {
    return this.#free(request.name, (entry, time) => leaveEntry(entry, request, time));
  }

  async force(request: ForceRequest): Promise<OwnerReply> {
    return this.#free(request.name, (entry, time) => forceEntry(entry, request, time));
  }

  async inspect(name: string): Promise<StoredLock | null> {
    return inspectEntry(this.#entry(name), this.#time());
  }

  async *list(prefix: string): AsyncGenerator<StoredLock & { name: string }> {
    for (const [name, entry] of this.#entries) {
      const held = name.startsWith(prefix) && inspectEntry(entry, this.#time());
      if (held) yield { name, ...held };
    }
  }

  watch(name: string, onTurn: () => void): () => void {
    const watchers = this.#watchers.get(name) ?? new Set();
    this.#watchers.set(name, watchers.add(onTurn));
    return () => {
      watchers.delete(onTurn);
      if (watchers.size === 0 && this.#watchers.get(name) === watchers) this.#watchers.delete(name);
    };
  }

  /** Gives the lock to another holder, whoever has it, and keeps the line. Only tests need that. */
  seize(request: RenewRequest): void {
    const entry = this.#entry(request.name);
    const { line } = entry;
    delete entry.line;
    delete entry.holder;
    acquireEntry(entry, request, this.#time());
    if (line) entry.line = line;
  }

  async close(): Promise<void> {
    this.#entries.clear();
  }

  #free(name: string, decide: (entry: LockEntry, time: StoreTime) => Decision<OwnerReply>): OwnerReply {
    const [reply] = decide(this.#entry(name), this.#time());
    if (reply === 'held') this.#tell(name);
    return reply;
  }

  #tell(name: string): void {
    for (const onTurn of this.#watchers.get(name) ?? []) onTurn();
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
