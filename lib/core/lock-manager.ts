import { setTimeout as sleep } from 'node:timers/promises';
import { checkOptions, type KnownOptions } from '../common/check-options.js';
import { SteadyClock, type Clock } from '../common/clock.js';
import { LockConfigurationError, LockStoreError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { OutageLog } from '../common/outage-log.js';
import type { AcquireReply, AcquireRequest, LockStore } from '../stores/lock-store.js';
import { enclosingLease, runInside } from './current-lease.js';
import { parseHolder, type Holder, type HolderIdentity } from './holder.js';
import { LeaseKeeper } from './lease-keeper.js';
import { LEASE_OPTIONS, resolveTimes, type LeaseOptions, type LeaseTimes } from './lease-options.js';
import { HeldLease, type Lease } from './lease.js';
import { checkName } from './lock-name.js';
import { LockReturner } from './lock-returner.js';
import { tickOf, type Occurrence } from './occurrence.js';
import type { Outcome, Skipped } from './outcome.js';
import { Shutdown } from './shutdown.js';

/** A tick further ahead of the store's clock than this is a wrong clock, not a fast one. */
const LONGEST_WAIT_FOR_TICK = 60_000;
/** A lock that was granted so late that less than this part of its TTL is left is given back. */
const LEAST_LEFT = 1 / 3;
export interface LockManagerSettings extends LeaseTimes {
  readonly store: LockStore;
  readonly identity: HolderIdentity;
  readonly commandTimeout: number;
  readonly drainTimeout: number;
  readonly logger: LockLogger;
  readonly outages: OutageLog;
  readonly clock?: Clock;
}

/** Options of `run`. All durations are milliseconds. */
export interface RunOptions extends LeaseOptions {
  /** The one intended run that the lock is wanted for: it is granted once, across all replicas. */
  readonly occurrence?: Occurrence;
}

const RUN_OPTIONS: KnownOptions<RunOptions> = { ...LEASE_OPTIONS, occurrence: true };

type Work<T> = (lease: Lease) => T | PromiseLike<T>;

export type Acquisition = { readonly status: 'acquired'; readonly lease: HeldLease } | Skipped;

/** What `inspect` tells about a lock that is held. */
export interface LockState {
  readonly name: string;
  readonly holder: Holder;
  /** Milliseconds until the lock expires unless it is renewed; Infinity if another program took it without expiry. */
  readonly remaining: number;
  /** The fencing token of this grant; undefined if another program took the lock. */
  readonly fence: number | undefined;
}

/** Acquires locks, keeps their leases and gives them back; knows nothing of Nest. */
export class LockManager {
  readonly #settings: LockManagerSettings;
  readonly #store: LockStore;
  readonly #clock: Clock;
  readonly #keeper: LeaseKeeper;
  readonly #returner: LockReturner;
  readonly #shutdown: Shutdown;

  constructor(settings: LockManagerSettings) {
    this.#settings = settings;
    this.#store = settings.store;
    this.#clock = settings.clock ?? new SteadyClock();
    this.#keeper = new LeaseKeeper(
      (leases, within) => this.#ask('renew', () => this.#store.renew(leases, within)),
      this.#clock,
      settings.commandTimeout,
    );
    this.#returner = new LockReturner(settings.store, settings.commandTimeout, settings.logger);
    this.#shutdown = new Shutdown(settings.drainTimeout, settings.logger);
  }

  /** Runs `work` under the lock if it can be had at once, and gives the lock back when the work has settled. */
  async run<T>(name: string, work: Work<T>, options: RunOptions): Promise<Outcome<T>> {
    checkName(name);
    checkOptions(options, RUN_OPTIONS, 'run');
    const { occurrence, ...leaseOptions } = options;
    resolveTimes(leaseOptions, this.#settings);
    const outer = enclosingLease(name, this);
    if (outer) return this.#join(outer, work, occurrence);
    const acquisition = await this.tryAcquire(name, leaseOptions, occurrence);
    if (acquisition.status === 'skipped') return acquisition;
    const { lease } = acquisition;
    let value: T;
    try {
      value = await runInside(lease, this, async () => await work(lease));
    } finally {
      await lease.guestsGone();
      await lease.release();
    }
    return outcomeAfterRelease(lease, value);
  }

  /** Asks the store once; for a tick that is early, again when it is due. */
  async tryAcquire(name: string, options: LeaseOptions, occurrence?: Occurrence): Promise<Acquisition> {
    checkName(name);
    checkOptions(options, LEASE_OPTIONS, 'acquire');
    const tick = occurrence && tickOf(occurrence);
    const times = resolveTimes(options, this.#settings);
    const request = { name, tick, record: this.#settings.identity.newRecord(options.contents), ...times };
    for (;;) {
      if (this.#shutdown.refuses(tick !== undefined)) return this.#skip(name, { reason: 'shutting-down' });
      const answer = await this.#shutdown.whileAsking(() => this.#attempt(request));
      if (answer.status !== 'early') return answer;
      if (answer.by > LONGEST_WAIT_FOR_TICK) {
        this.#settings.logger.error(messages.tooEarly(name, answer.by, tick!.time, Date.now()));
        return this.#skip(name, { reason: 'early' });
      }
      await sleep(answer.by, undefined, { signal: this.#shutdown.noMoreTicks }).catch(() => undefined);
    }
  }

  /**
   * Who holds the lock; null if it is free.
   *
   * @throws LockStoreError
   */
  async inspect(name: string): Promise<LockState | null> {
    checkName(name);
    const stored = await this.#ask('inspect', () => this.#store.inspect(name, this.#settings.commandTimeout));
    if (!stored) return null;
    return { name, holder: parseHolder(stored.record), remaining: stored.remaining, fence: stored.fence };
  }

  /** From now on no lock is granted for a tick. */
  refuseTicks(): void {
    this.#shutdown.refuseTicks();
  }

  /** Refuses new locks, waits for the work that runs, gives its locks back and closes the store. */
  async close(): Promise<void> {
    await this.#shutdown.drain();
    this.#keeper.stop();
    await this.#returner.close();
    await this.#store.close();
  }

  /** The lock is kept for work that has joined it, also where that outlasts the work that took it. */
  async #join<T>(outer: HeldLease, work: Work<T>, occurrence: Occurrence | undefined): Promise<Outcome<T>> {
    if (occurrence) throw new LockConfigurationError(messages.joinedOccurrence(outer.name));
    const value = await outer.host(async () => await work(outer));
    return outcomeWhileHeld(outer, value);
  }

  async #attempt(
    request: AcquireRequest & LeaseTimes,
  ): Promise<Acquisition | Extract<AcquireReply, { status: 'early' }>> {
    const { name, ttl } = request;
    const within = Math.round(Math.min(this.#settings.commandTimeout, ttl * (1 - LEAST_LEFT)));
    const askedAt = this.#clock.now();
    let reply: AcquireReply;
    try {
      reply = await this.#ask('acquire', () => this.#store.acquire(request, within));
    } catch (error) {
      if (!(error instanceof LockStoreError)) throw error;
      if (error.mayHaveRun) void this.#returner.undo(request);
      return this.#skip(name, { reason: 'store-unavailable', error });
    }
    switch (reply.status) {
      case 'granted':
        return this.#granted(request, reply.fence, askedAt);
      case 'busy':
        return this.#skip(name, {
          reason: 'busy',
          holder: parseHolder(reply.record),
          remaining: reply.remaining,
        });
      case 'done':
        return this.#skip(name, { reason: 'done' });
      case 'early':
        return reply;
    }
  }

  #granted(request: AcquireRequest & LeaseTimes, fence: number, askedAt: number): Acquisition {
    const { name, ttl } = request;
    const elapsed = this.#clock.now() - askedAt;
    if (ttl - elapsed < ttl * LEAST_LEFT) {
      void this.#returner.undo(request);
      const error = new LockStoreError(messages.answeredTooLate(name, elapsed, ttl), { mayHaveRun: true });
      return this.#skip(name, { reason: 'store-unavailable', error });
    }
    const lease: HeldLease = new HeldLease({ ...request, fence }, askedAt, this.#clock, {
      giveBack: () => this.#giveBack(lease),
      lost: (error) => this.#settings.logger.warn(error.message),
    });
    this.#keeper.keep(lease);
    this.#shutdown.entered(lease);
    return { status: 'acquired', lease };
  }

  async #giveBack(lease: HeldLease): Promise<void> {
    this.#keeper.drop(lease);
    try {
      const reply = await this.#returner.giveBack(lease);
      if (reply === 'taken' || reply === 'vanished') lease.lose(reply);
    } finally {
      this.#shutdown.left(lease);
    }
  }

  /** Every call of the store whose failure is somebody's answer; tells the operator when it begins and ends to fail. */
  async #ask<T>(operation: string, call: () => Promise<T>): Promise<T> {
    const { outages } = this.#settings;
    try {
      const reply = await call();
      outages.end(operation);
      return reply;
    } catch (thrown) {
      const error = asStoreError(this.#store.description, thrown);
      outages.begin(this.#store.description, error.cause ?? error, error.refused ? operation : undefined);
      throw error;
    }
  }

  #skip(name: string, why: WithoutStatus<Skipped>): Skipped {
    const skipped = { status: 'skipped', ...why } as const;
    this.#settings.logger.debug(messages.skipped(name, skipped));
    return skipped;
  }
}

type WithoutStatus<T> = T extends unknown ? Omit<T, 'status'> : never;

function outcomeAfterRelease<T>(lease: HeldLease, value: T): Outcome<T> {
  // Released is how it should end, unless the release found the lock in other hands.
  return lease.lossError?.reason === 'released' ? { status: 'ran', value } : outcomeWhileHeld(lease, value);
}

/** Of work that joined a lease and may outlast it: then it did not run under the lock to its end. */
function outcomeWhileHeld<T>(lease: HeldLease, value: T): Outcome<T> {
  const error = lease.lossError;
  return error ? { status: 'lost', value, error } : { status: 'ran', value };
}

/** A store of somebody else's may throw anything; then nothing is known of what it did. */
function asStoreError(description: string, thrown: unknown): LockStoreError {
  if (thrown instanceof LockStoreError) return thrown;
  return new LockStoreError(messages.storeThrew(description, thrown), { cause: thrown, mayHaveRun: true });
}
