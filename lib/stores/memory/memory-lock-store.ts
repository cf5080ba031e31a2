import { SteadyClock, type Clock } from '../../common/clock.js';
import { pauseJob, readJob } from '../job-entry.js';
import {
  acquireEntry,
  forceEntry,
  inspectEntry,
  isForgettable,
  newEntry,
  releaseEntry,
  renewEntry,
  type Decision,
  type LockEntry,
  type StoreTime,
} from '../lock-entry.js';
import { ReplicaEntries } from '../replica-entries.js';
import type {
  AcquireReply,
  AcquireRequest,
  ForceRequest,
  LockAdmin,
  LockQueue,
  LockRuns,
  LockStore,
  OwnerReply,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
} from '../lock-store.js';

/** The number of locks at which those without anything to remember are removed. */
const SWEEP_AT = 1000;

/** Locks in the memory of one process, for tests. */
export class MemoryLockStore implements LockStore {
  readonly description = 'memory of this process';
  readonly queue: LockQueue = { watch: (name, onNews) => this.#watch(name, () => onNews()) };
  readonly admin: LockAdmin = {
    list: (prefix) => this.#list(prefix),
    force: async (request: ForceRequest) =>
      this.#free(request.name, (entry, time) => forceEntry(entry, request, time)),
  };
  readonly runs: LockRuns = {
    read: async (jobs) =>
      jobs.map((job) => readJob(this.#entries.get(job.name) ?? newEntry(), job, this.#time())),
    pause: async (job, pause) => {
      pauseJob(this.#entry(job.name), job, pause, this.#time());
    },
    publish: async (replica, entry, ttl) =>
      this.#replicas.publish(replica, entry, this.#wall() + ttl, this.#wall()),
    replicas: async () => ({ entries: this.#replicas.at(this.#wall()), now: this.#wall() }),
  };
  readonly #entries = new Map<string, LockEntry>();
  readonly #replicas = new ReplicaEntries();
  readonly #clock: Clock;
  readonly #wall: () => number;
  readonly #watchers = new Map<string, Set<() => void>>();
  #sweepAt = SWEEP_AT;

  constructor(clock: Clock = new SteadyClock(), wall: () => number = Date.now) {
    this.#clock = clock;
    this.#wall = wall;
  }

  async acquire(request: AcquireRequest): Promise<AcquireReply> {
    const { name, owner } = request;
    const entry = this.#entry(name);
    const before = entry.held?.owner;
    const [reply] = acquireEntry(entry, request, this.#time());
    // The request itself may have handed the lock to the next waiter.
    const after = entry.held?.owner;
    if (after !== before && after !== owner) this.#notify(name);
    return reply;
  }

  async renew(requests: readonly RenewRequest[]): Promise<OwnerReply[]> {
    const time = this.#time();
    return requests.map((request) => renewEntry(this.#entry(request.name), request, time)[0]);
  }

  /** A call takes effect at once, so none can arrive later. */
  async release(request: ReleaseRequest): Promise<OwnerReply> {
    return this.#free(request.name, (entry, time) => releaseEntry(entry, request, time));
  }

  async inspect(name: string): Promise<StoredLock | null> {
    return inspectEntry(this.#entry(name), this.#time());
  }

  /** Gives the lock to another holder and keeps the queue. For tests only. */
  seize(request: AcquireRequest): void {
    const entry = this.#entry(request.name);
    const { queue } = entry;
    delete entry.queue;
    delete entry.held;
    acquireEntry(entry, request, this.#time());
    if (queue) entry.queue = queue;
  }

  async close(): Promise<void> {
    this.#entries.clear();
  }

  #watch(name: string, onNews: () => void): () => void {
    const watchers = this.#watchers.get(name) ?? new Set();
    this.#watchers.set(name, watchers.add(onNews));
    return () => {
      watchers.delete(onNews);
      if (watchers.size === 0 && this.#watchers.get(name) === watchers) this.#watchers.delete(name);
    };
  }

  async *#list(prefix: string): AsyncGenerator<StoredLock & { name: string }> {
    for (const [name, entry] of this.#entries) {
      const held = name.startsWith(prefix) && inspectEntry(entry, this.#time());
      if (held) yield { name, ...held };
    }
  }

  #free(name: string, decide: (entry: LockEntry, time: StoreTime) => Decision<OwnerReply>): OwnerReply {
    const [reply] = decide(this.#entry(name), this.#time());
    if (reply === 'held') this.#notify(name);
    return reply;
  }

  #notify(name: string): void {
    for (const onNews of this.#watchers.get(name) ?? []) onNews();
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
