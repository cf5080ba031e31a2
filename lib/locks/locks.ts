import { currentLease } from '../core/current-lease.js';
import { Election, type ElectionOptions } from '../core/election.js';
import { ExclusiveLock, type ExclusiveLockOptions } from '../core/exclusive-lock.js';
import type { Lease } from '../core/lease.js';
import type { LocalJobs } from '../core/local-jobs.js';
import type { LockEvent } from '../core/lock-events.js';
import type { LockManager, LockState } from '../core/lock-manager.js';
import { ACQUIRE_OPTIONS, type AcquireOptions, type RunOptions } from '../core/run-options.js';
import type { Outcome } from '../core/outcome.js';
import type { AroundRun } from '../core/runs.js';
import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { LockShuttingDownError } from '../common/errors.js';
import { callSafely } from '../common/call-safely.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { ResolvedSettings } from '../exclusive-lock.options.js';
import { Jobs } from './jobs.js';

/** Options of `list`. */
export interface ListOptions {
  /**
   * The beginning of the names.
   *
   * @default '': all names
   */
  readonly prefix?: string | undefined;
}

/** Options of `forceRelease`. */
export interface ForceReleaseOptions {
  /** The fencing token from `inspect` or `list`. */
  readonly fencingToken: number;
}

/** Code without Nest has no jobs. */
const NO_JOBS: LocalJobs = { all: () => [] };
const LIST_OPTIONS: KnownOptions<ListOptions> = { prefix: true };
const FORCE_OPTIONS: KnownOptions<ForceReleaseOptions> = { fencingToken: true };

/**
 * The calls that `openLocks()` and the `ExclusiveLockService` of a Nest application have in common.
 *
 * @example
 * // A function for scripts and applications alike.
 * async function importOnce(locks: Locks): Promise<void> {
 *   await locks.run('import', ({ signal }) => importAll(signal));
 * }
 */
export abstract class Locks {
  readonly #locks: LockManager;
  readonly #settings: ResolvedSettings;

  /** The jobs of all replicas: their runs, pauses, and runs by hand. See docs/runs.md. */
  readonly jobs: Jobs;

  protected constructor(locks: LockManager, settings: ResolvedSettings, jobs: LocalJobs = NO_JOBS) {
    this.#locks = locks;
    this.#settings = settings;
    this.jobs = new Jobs(locks, jobs);
  }

  /**
   * Runs `work` if the lock can be acquired, at once or within `wait`, and keeps the lock for as long as the work
   * takes. If the tick of an `occurrence` is not yet due by the store's clock, it first waits for that, up to a minute.
   * Within work that `run` or a decorated method runs under the same lock, `work` joins that lease, whose options do
   * not change.
   *
   * @returns the outcome: `ran` or `lost` with the work's value, or `skipped` with the reason
   * @throws the work's own error; LockTimeoutError when `wait` is over; the reason of the `signal` when that aborts before
   * the work has begun; LockConfigurationError for a bad name or option
   * @example
   * const outcome = await locks.run(`rebuild:${id}`, async (lease) => {
   *   await this.index.rebuild(id, { signal: lease.signal, fencingToken: lease.fencingToken });
   * });
   * if (outcome.status === 'skipped') throw new ConflictException(outcome.reason);
   */
  run<T>(
    name: string,
    work: (lease: Lease) => T | PromiseLike<T>,
    options: RunOptions = {},
  ): Promise<Outcome<T>> {
    return this.#locks.run(name, work, options);
  }

  /**
   * Acquires the lock if it is free, or waits for it. The lease is renewed until it is released: release it in
   * `finally`, or declare it with `await using`. A shutdown waits for the release.
   *
   * Unlike `run`, it never joins a lease: code that already runs under the lock finds it busy, and waiting for it
   * deadlocks.
   *
   * @returns the lease, or null if another holder has the lock and there was no `wait`
   * @throws LockStoreError when the store cannot be asked; LockTimeoutError when `wait` is over; the reason of the
   * `signal` when that aborts; LockShuttingDownError after the shutdown has begun; LockConfigurationError for a bad name
   * or option
   * @example
   * await using lease = await locks.acquire('import');
   * if (!lease) return;
   * @example
   * await using lease = await locks.acquire('import', { wait: true, signal });
   */
  acquire(name: string, options: AcquireOptions & { readonly wait: true }): Promise<Lease>;
  acquire(name: string, options?: AcquireOptions): Promise<Lease | null>;
  acquire(name: string, options: AcquireOptions = {}): Promise<Lease | null> {
    return this.#acquire(name, options);
  }

  async #acquire(name: string, options: AcquireOptions, logger?: LockLogger): Promise<Lease | null> {
    checkOptions(options, ACQUIRE_OPTIONS, 'acquire');
    const acquisition = await this.#locks.tryAcquire(name, options, logger);
    if (acquisition.status === 'acquired') return acquisition.lease;
    if (acquisition.reason === 'store-unavailable') throw acquisition.error;
    if (acquisition.reason === 'shutting-down') throw new LockShuttingDownError(messages.shuttingDown(name));
    return null;
  }

  /**
   * Returns the lock as an object that can be acquired and released again and again, with events. Sends nothing to the
   * store yet. Each call returns a new object. Two objects of one name exclude each other, and work that runs under the
   * lock.
   *
   * @throws LockConfigurationError for a bad name or option
   * @example
   * const lock = locks.lock('import', { contents: hostname() });
   * lock.on('lost', (error) => this.stop(error));
   * if (await lock.acquire()) this.start();
   */
  lock(name: string, options: ExclusiveLockOptions = {}): ExclusiveLock {
    const { ttl, renewEvery, prefix, logger } = this.#settings;
    return new ExclusiveLock(name, options, {
      acquire: (...args) => this.#acquire(...args),
      inspect: (...args) => this.inspect(...args),
      events: this.#locks.events,
      ttl,
      renewEvery,
      prefix,
      logger,
    });
  }

  /**
   * Returns the election of a leader among the replicas. Sends nothing to the store yet.
   *
   * @throws LockConfigurationError for a bad name or option
   * @example
   * await locks.elect('feed').whileLeader(({ signal }) => consume({ signal }));
   */
  elect(name: string, options: ElectionOptions = {}): Election {
    const { logger } = this.#settings;
    return new Election(name, options, { locks: this.#locks, times: this.#settings, logger });
  }

  /**
   * Returns the holder of the lock, since when it holds the lock, and when the lock expires unless it is renewed; null
   * if the lock is free.
   *
   * @throws LockStoreError when the store cannot be asked; LockConfigurationError for a bad name
   */
  inspect(name: string): Promise<LockState | null> {
    return this.#locks.inspect(name);
  }

  /**
   * Iterates over all locks that are held, each once, in no particular order. A lock that is acquired or released
   * meanwhile may be left out. Sends and throws nothing before the first read.
   *
   * @throws LockStoreError if the store cannot be reached; LockConfigurationError for a bad prefix or option
   * @example
   * for await (const { name, holder } of locks.list({ prefix: 'rebuild:' })) console.log(name, holder.replica);
   */
  async *list(options: ListOptions = {}): AsyncIterable<LockState> {
    checkOptions(options, LIST_OPTIONS, 'list');
    const { prefix = '' } = options;
    yield* this.#locks.list(prefix);
  }

  /**
   * Takes the lock from its holder if the lock is still held under this fencing token; a newer holder keeps it. The
   * previous holder finds out at its next renewal at the latest, and works on until then. Refuse its writes by its
   * fencing token.
   *
   * @returns whether the lock was taken
   * @throws LockStoreError when the store cannot be asked; LockConfigurationError for a bad name, fencing token or
   * option
   * @example
   * const state = await locks.inspect('import');
   * if (state?.fencingToken) await locks.forceRelease('import', { fencingToken: state.fencingToken });
   */
  async forceRelease(name: string, options: ForceReleaseOptions): Promise<boolean> {
    checkOptions(options, FORCE_OPTIONS, 'forceRelease');
    return this.#locks.forceRelease(name, options.fencingToken);
  }

  /**
   * Calls `listener` with what happens to the locks in this process from now on; docs/events.md lists the events. If a
   * listener throws or its promise rejects, the error is logged and affects nothing else.
   *
   * @returns a function that removes the listener
   * @throws LockConfigurationError if it is not a function
   * @example
   * const stop = locks.onEvent((event) => {
   *   if (event.type === 'lost') alarm(event.name, event.error.reason);
   * });
   */
  onEvent(listener: (event: LockEvent) => unknown): () => void {
    if (typeof listener !== 'function') refuse('listener', 'a function', listener);
    const { logger } = this.#settings;
    return this.#locks.events.listen((event) =>
      callSafely(
        () => listener(event),
        (error) => logger.error(messages.eventListenerThrew(error)),
      ),
    );
  }

  /**
   * Has `around` called in place of the work of each run in this process from now on. It must call `work` once, and return
   * what that returns. It is for tracers, whose context the work then has; `run.outcome` is known when `work` has ended.
   *
   * @returns a function that ends it
   * @throws LockConfigurationError if it is not a function
   * @example
   * locks.aroundRuns((run, work) =>
   *   tracer.startActiveSpan(run.job ?? 'run', (span) => work().finally(() => span.end())),
   * );
   */
  aroundRuns(around: AroundRun): () => void {
    if (typeof around !== 'function') refuse('around', 'a function', around);
    return this.#locks.runs.surroundWith(around);
  }

  /**
   * Returns the lease under which the calling code runs, at any depth. Undefined outside of work under a lock, as in a
   * timer that fires after the work that set it has ended. A lost lease stays current until its work ends, so that
   * `assertHeld()` throws.
   */
  static current(): Lease | undefined {
    return currentLease();
  }
}
