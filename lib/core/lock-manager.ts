import { checkOptions, refuse } from '../common/check-options.js';
import { SteadyClock, wallTime, type Clock } from '../common/clock.js';
import { checkDuration } from '../common/duration.js';
import { LockConfigurationError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { OutageLog } from '../common/outage-log.js';
import type { Claim, LockStore, StoredLock } from '../stores/lock-store.js';
import { AcquisitionNews } from './acquisition-news.js';
import { Acquisition, type AcquisitionParts } from './acquisition.js';
import { enclosingLease } from './current-lease.js';
import { Elections } from './elections.js';
import { parseHolder, type HolderIdentity } from './holder.js';
import { LeaseKeeper } from './lease-keeper.js';
import { resolveTimes, type LeaseTimes } from './lease-options.js';
import type { HeldLease } from './held-lease.js';
import { Leases } from './leases.js';
import { LocalQueues } from './local-queue.js';
import { LockEvents } from './lock-events.js';
import { checkMadeName, checkName } from './lock-name.js';
import { LockReleaser } from './lock-releaser.js';
import { DEFAULT_RETRY, claimByHand, claimOf, wantedFor } from './occurrence.js';
import type { Outcome, Skipped } from './outcome.js';
import {
  BY_HAND,
  RUN_OPTIONS,
  SCHEDULED,
  scheduled,
  type MethodRunOptions,
  type RunOptions,
} from './run-options.js';
import { RunRecords } from './run-records.js';
import { Runs, outcomeWhileHeld, type Work } from './runs.js';
import { Shutdown } from './shutdown.js';
import type { Acquired, Wanted } from './wanted.js';
import { WatchedStore } from './watched-store.js';

export interface LockManagerSettings extends LeaseTimes {
  readonly store: LockStore;
  readonly identity: HolderIdentity;
  /** The name of the application, which marks its runs on a shared store. */
  readonly application?: string | undefined;
  readonly commandTimeout: number;
  readonly drainTimeout: number;
  /** How many runs of each job are recorded; undefined: none. */
  readonly history?: number | undefined;
  readonly logger: LockLogger;
  readonly outages: OutageLog;
  readonly clock?: Clock;
}

/** The state of a lock that is held, as `inspect` returns it. */
export interface LockState {
  /** The name of the lock. */
  readonly name: string;
  /** The holder. If another program took the lock, only the text that it wrote is known. */
  readonly holder: Holder;
  /** Milliseconds until the lock expires unless it is renewed; Infinity if another program took it without expiry. */
  readonly remaining: number;
  /** The fencing token of this grant; undefined if another program took the lock. */
  readonly fencingToken: number | undefined;
  /** How many replicas are queued; undefined if the store keeps no queue. */
  readonly waiters: number | undefined;
}

/** Acquires locks, renews their leases and releases them. Does not depend on Nest. */
export class LockManager {
  readonly events = new LockEvents();
  readonly elections: Elections;
  readonly clock: Clock;
  /** The records of runs, and of the other replicas. */
  readonly records: RunRecords;
  readonly #settings: LockManagerSettings;
  readonly #store: WatchedStore;
  readonly #leases: Leases;
  readonly #shutdown: Shutdown;
  readonly #parts: AcquisitionParts;
  readonly runs: Runs;
  readonly #whenClosing = new Set<() => Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(settings: LockManagerSettings) {
    const { store, clock = store.clock ?? new SteadyClock(), commandTimeout, logger, outages } = settings;
    const { events } = this;
    checkTtl(settings.ttl, store);
    this.#settings = settings;
    this.clock = clock;
    this.#store = new WatchedStore(store, outages);
    this.#shutdown = new Shutdown(settings.drainTimeout, logger, clock);
    this.#leases = new Leases({
      clock,
      keeper: new LeaseKeeper(this.#store, clock, commandTimeout, events),
      releaser: new LockReleaser({ store, commandTimeout, logger, outages, clock }),
      shutdown: this.#shutdown,
      events,
      logger,
    });
    this.records = new RunRecords(store, this.#store, commandTimeout, clock);
    this.runs = new Runs(events, clock, this.#shutdown);
    store.onTakenAway?.((owner, how) => this.#leases.takenAway(owner, how));
    store.onReconnected?.(() => this.#leases.renewAllNow());
    this.#parts = {
      store: this.#store,
      clock,
      leases: this.#leases,
      shutdown: this.#shutdown,
      queues: new LocalQueues(),
      news: new AcquisitionNews(clock, events, logger, settings.application),
      identity: settings.identity,
      commandTimeout,
    };
    this.elections = new Elections({
      clock,
      events,
      logger,
      leaving: this.#shutdown.refusal(true),
      run: (name, work, options) => this.run(name, work, scheduled(options)),
    });
  }

  /** Runs `work` under the lock if it can be acquired, and releases the lock when the work has settled. */
  async run<T>(name: string, work: Work<T>, options: RunOptions): Promise<Outcome<T>> {
    const wanted = this.#wanted(name, options);
    if (typeof work !== 'function') refuse('work', 'a function', work);
    const outer = enclosingLease(name, this);
    if (outer) return this.#join(outer, work, wanted);
    const acquisition = await this.#acquire(wanted);
    if (acquisition.status === 'skipped') return acquisition;
    return this.runs.run(acquisition, work, this);
  }

  /**
   * Acquires the lock if possible. Its lease is renewed until it is released.
   *
   * @throws LockConfigurationError synchronously
   */
  tryAcquire(name: string, options: RunOptions, logger?: LockLogger): Promise<Acquired | Skipped> {
    return this.#acquire(this.#wanted(name, options, logger));
  }

  /**
   * Returns the holder of the lock; null if the lock is free.
   *
   * @throws LockStoreError
   */
  async inspect(name: string): Promise<LockState | null> {
    checkMadeName(name);
    const stored = await this.#store.inspect(name, this.#settings.commandTimeout);
    return stored && stateOf(name, stored);
  }

  /**
   * Iterates over all locks that are held and whose name begins with `prefix`, each once.
   *
   * @throws LockStoreError
   */
  async *list(prefix: string): AsyncGenerator<LockState> {
    if (prefix !== '') checkName(prefix, 'prefix');
    // Redis SCAN may return a key twice while its hash table is resized.
    const told = new Set<string>();
    for await (const stored of this.#store.list(prefix, this.#settings.commandTimeout)) {
      if (told.has(stored.name)) continue;
      told.add(stored.name);
      yield stateOf(stored.name, stored);
    }
  }

  /**
   * Frees the lock if it is still held under this fencing token. Returns whether it was.
   *
   * @throws LockStoreError
   */
  async forceRelease(name: string, fencingToken: number): Promise<boolean> {
    checkMadeName(name);
    if (!Number.isSafeInteger(fencingToken))
      refuse('fencingToken', 'the fencingToken that inspect tells', fencingToken);
    const reply = await this.#store.force({ name, fencingToken }, this.#settings.commandTimeout);
    if (reply !== 'held') return false;
    this.#settings.logger.warn(messages.forced(name, fencingToken));
    this.events.emit(() => ({ type: 'forced', name, ...wantedFor(undefined), fencingToken }));
    return true;
  }

  /** This replica's name, as others see it. */
  get replica(): string {
    return this.#settings.identity.replica;
  }

  /** Whether the calling code runs under this lock. */
  holds(name: string): boolean {
    return enclosingLease(name, this) !== undefined;
  }

  /** Refuses locks to scheduled work from now on. Resolves when running scheduled work has ended or was given up. */
  drainScheduled(): Promise<void> {
    return this.#shutdown.drainScheduled();
  }

  /** Does the same for all work under a lock. Locks can be acquired again when it has resolved. */
  async drain(): Promise<void> {
    await this.#shutdown.drainAll();
    if (!this.#closed) this.#shutdown.reopen();
  }

  /** Registers a step before the store is closed, when all locks are released. It must not reject. */
  whenClosing(leave: () => Promise<void>): void {
    this.#whenClosing.add(leave);
  }

  /**
   * Refuses new locks, waits for running work, releases its locks and closes the store. Later calls return the same
   * promise.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#shutdown.drainAll();
    await this.#leases.close();
    await Promise.all([...this.#whenClosing].map((leave) => leave()));
    await this.#settings.store.close();
  }

  #acquire(wanted: Wanted): Promise<Acquired | Skipped> {
    return new Acquisition(wanted, this.#parts).run();
  }

  /** @throws LockConfigurationError */
  #wanted(name: string, options: MethodRunOptions, logger?: LockLogger): Wanted {
    checkMadeName(name);
    checkOptions<RunOptions>(options, RUN_OPTIONS, 'run');
    const { occurrence, wait = 0, contents, signal } = options;
    const following = occurrence?.tick && occurrence.following;
    const { retryFor = following && DEFAULT_RETRY } = options;
    if (signal !== undefined && !(signal instanceof AbortSignal)) refuse('signal', 'an AbortSignal', signal);
    // Not spread, because the defaults are all settings of the module.
    const { ttl, renewEvery, maxHold } = resolveTimes(options, this.#settings);
    checkTtl(ttl, this.#settings.store);
    return {
      name,
      ttl,
      renewEvery,
      maxHold,
      contents,
      claim: this.#claimOf(options),
      scheduled: occurrence?.tick !== undefined || options[SCHEDULED] === true,
      following,
      retryFor: retryFor === undefined ? undefined : checkDuration('retryFor', retryFor, 0),
      wait: wait === true ? Infinity : checkDuration('wait', wait, 0, { or: 'true' }),
      signal,
      logger,
    };
  }

  /** @throws LockConfigurationError */
  #claimOf({ occurrence, [BY_HAND]: byHand }: MethodRunOptions): Claim | undefined {
    const { application, history, store, identity } = this.#settings;
    if (!byHand && !occurrence) return undefined;
    const claim = byHand ? claimByHand(byHand, wallTime(this.clock)) : claimOf(occurrence!, application);
    if (claim.kind === 'tick' && claim.missed) this.records.required('occurrence.missed');
    // A store without a record of runs needs no history.
    return history && store.runs ? { ...claim, history, replica: identity.replica } : claim;
  }

  /** The lock is kept until work that joined it has ended, even if that outlasts the work that acquired it. */
  async #join<T>(outer: HeldLease, work: Work<T>, { claim }: Wanted): Promise<Outcome<T>> {
    if (claim) throw new LockConfigurationError(messages.joinedOccurrence(outer.name));
    const value = await outer.host(async () => await work(outer));
    return outcomeWhileHeld(outer, value);
  }
}

/** @throws LockConfigurationError if the store cannot free the lock of a holder that has died as soon as that */
function checkTtl(ttl: number, { shortestTtl = 0, description }: LockStore): void {
  if (ttl < shortestTtl)
    throw new LockConfigurationError(messages.ttlTooShortForStore(description, ttl, shortestTtl));
}

function stateOf(name: string, stored: StoredLock): LockState {
  const { remaining, fencingToken, waiters } = stored;
  return { name, holder: parseHolder(stored), remaining, fencingToken, waiters };
}
