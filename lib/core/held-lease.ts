import { inspect } from 'node:util';
import type { BagMember } from '../common/bag.js';
import type { Clock } from '../common/clock.js';
import { LockLostError, type LossReason } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { Claim, EndOfRun, ReleaseRequest } from '../stores/lock-store.js';
import type { LeaseTimes } from './lease-options.js';
import type { Lease } from './lease.js';
import { wantedFor, type WantedFor } from './occurrence.js';
import { endOfRun } from './end-of-run.js';

/** The options of a lease. */
export interface LeaseWanted extends LeaseTimes {
  readonly name: string;
  /** Whether the lease is for a call by a scheduler or by Nest. */
  readonly scheduled: boolean;
  /** Logs events of this lease instead of the common logger. */
  readonly logger?: LockLogger | undefined;
}

/** One grant by the store. */
export interface Grant {
  readonly fencingToken: number;
  /** The moment before the granted request was sent, by the keeper's clock. */
  readonly askedAt: number;
  /** The moment at which the reply is read. */
  readonly now: number;
  /** Milliseconds for which the store keeps the lock at first, if that is less than the TTL, as for a waiter. */
  readonly keptFor?: number | undefined;
}

/** Renews and releases leases, and reports their loss. */
export interface LeaseHome {
  readonly clock: Clock;
  release(lease: HeldLease): Promise<void>;
  lost(lease: HeldLease, error: LockLostError): void;
  /** Milliseconds for which the event loop has been blocked. */
  readonly stalledFor: number;
}

/**
 * The lease ends this many milliseconds before the store can expire the lock, because timers fire late and clocks run
 * fast.
 */
const margin = (ttl: number): number => Math.max(5, Math.min(500, ttl / 20), ttl / 1000);

/** Until when a lock is certainly held, if the store keeps it for `ttl` after a request that was sent at `sentAt`. */
const deadlineOf = (sentAt: number, ttl: number): number => sentAt + ttl - margin(ttl);

/** A lease with everything that the library knows of it. `Lease` is the part that users see. */
export class HeldLease implements Lease, BagMember {
  readonly name: string;
  readonly owner: string;
  readonly fencingToken: number;
  readonly claim: Claim | undefined;
  readonly scheduled: boolean;
  readonly ttl: number;
  readonly renewEvery: number;
  readonly logger: LockLogger | undefined;
  /** How the run ended, which the release tells the store. */
  end: ReleaseRequest['end'] = 'unfinished';
  /** How the run ended, for its record. */
  run: EndOfRun | undefined;
  /** Whether work runs under it and `finished` was not emitted yet. */
  running = false;
  /** When its work began, by the store's clock; known if there is a claim. */
  startedAt: number | undefined;
  /** When the reply that granted it was read, by the keeper's clock. */
  readonly grantedAt: number;
  /** Its position in the bag of the keeper. */
  bagIndex = -1;
  /** Its entry among the leases that the shutdown waits for. */
  active: BagMember | undefined;
  /** When the keeper renews it next, by the keeper's clock. */
  renewAt: number;
  renewing = false;
  /** If set, `release()` calls this instead: the work must end first. */
  insteadOfRelease: (() => void) | undefined;
  /** Failed renewals since the last one that succeeded. */
  failures = 0;

  readonly #home: LeaseHome;
  readonly #since: number;
  readonly #maxHold: number;
  /** When it will have been held for `maxHold`. */
  readonly #endsAt: number;
  /** Until when the store certainly keeps the lock. */
  #deadline: number;
  #lossReason: LossReason | undefined;
  /** Made when first needed: errors are slow to make, and most are never read. */
  #lossError: LockLostError | undefined;
  #controller: AbortController | undefined;
  #released: Promise<void> | undefined;
  #guests: Set<Promise<unknown>> | undefined;

  constructor(
    wanted: LeaseWanted,
    owner: string,
    claim: Claim | undefined,
    { fencingToken, askedAt, now, keptFor }: Grant,
    home: LeaseHome,
  ) {
    this.name = wanted.name;
    this.owner = owner;
    this.fencingToken = fencingToken;
    this.claim = claim;
    this.scheduled = wanted.scheduled;
    this.ttl = wanted.ttl;
    this.renewEvery = wanted.renewEvery;
    this.logger = wanted.logger;
    this.grantedAt = now;
    this.#home = home;
    this.#maxHold = wanted.maxHold ?? Infinity;
    // Counted from now, so that a slow reply takes no time from the work.
    this.#endsAt = now + this.#maxHold;
    // A waiter is notified long after it asked.
    this.#since = keptFor === undefined ? askedAt : now;
    this.#deadline = deadlineOf(askedAt, keptFor ?? this.ttl);
    this.renewAt = keptFor === undefined ? askedAt + this.renewEvery : now;
  }

  get tick(): Date | undefined {
    return this.claim?.kind === 'tick' && !this.claim.byHand ? new Date(this.claim.time) : undefined;
  }

  get missed(): boolean {
    return this.claim?.kind === 'tick' && this.claim.missed !== undefined;
  }

  get held(): boolean {
    return this.remaining > 0;
  }

  get remaining(): number {
    if (this.#lossReason) return 0;
    const remaining = this.deadline - this.#home.clock.now();
    if (remaining <= 0) this.expire();
    return Math.max(0, remaining);
  }

  /** Whether the lease is held at that moment of the keeper's clock. Ends the lease if its time is over by then. */
  heldAt(now: number): boolean {
    if (this.#lossReason) return false;
    if (this.deadline > now) return true;
    this.expire();
    return false;
  }

  get signal(): AbortSignal {
    // Made when first needed: most cron jobs do not use it.
    this.#controller ??= new AbortController();
    if (this.#lossReason && this.#lossReason !== 'released') this.#controller.abort(this.lossError);
    return this.#controller.signal;
  }

  /** The fields that all its events have. */
  get identity(): WantedFor & { name: string; fencingToken: number } {
    return { name: this.name, fencingToken: this.fencingToken, ...wantedFor(this.claim) };
  }

  /** Whole milliseconds since it was requested. */
  get age(): number {
    return Math.round(this.#home.clock.now() - this.#since);
  }

  /** The moment, by the keeper's clock, after which the lease is no longer held. */
  get deadline(): number {
    return Math.min(this.#deadline, this.#endsAt);
  }

  /** Whether `release()` was called, by its holder or at the end of the work. */
  get isReleased(): boolean {
    return this.#released !== undefined;
  }

  /** Whether the work was told to stop. */
  get aborted(): boolean {
    return this.#controller?.signal.aborted ?? false;
  }

  /** Why the lease is no longer held; undefined while it is. */
  get lossReason(): LossReason | undefined {
    return this.held ? undefined : this.#lossReason;
  }

  /** The same as an error. */
  get lossError(): LockLostError | undefined {
    const reason = this.lossReason;
    return reason && (this.#lossError ??= this.#loss(reason));
  }

  assertHeld(): void {
    const error = this.lossError;
    if (error) throw error;
  }

  release(): Promise<void> {
    if (this.insteadOfRelease) {
      this.insteadOfRelease();
      return Promise.resolve();
    }
    if (!this.#released) {
      // Work that releases the lock itself has finished what it needed the lock for.
      if (this.claim?.history && this.end !== 'void') this.run ??= endOfRun(this, undefined);
      if (this.held) this.#lossReason = 'released';
      this.#released = this.#home.release(this);
    }
    return this.#released;
  }

  /** Releases as void a lock that was never used: its caller had gone before it was granted. */
  withdraw(): void {
    this.end = 'void';
    void this.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  /** The fields that logs show. */
  toJSON(): Pick<Lease, 'name' | 'fencingToken' | 'tick' | 'held' | 'remaining'> {
    const { name, fencingToken, tick, held, remaining } = this;
    return { name, fencingToken, tick, held, remaining: Math.floor(remaining) };
  }

  [inspect.custom](): object {
    return this.toJSON();
  }

  /** Runs work that has joined this lease. */
  async host<T>(work: () => Promise<T>): Promise<T> {
    const guest = work();
    const guests = (this.#guests ??= new Set());
    guests.add(guest);
    try {
      return await guest;
    } finally {
      guests.delete(guest);
    }
  }

  get hasGuests(): boolean {
    return this.#guests !== undefined && this.#guests.size > 0;
  }

  /** Resolves when all work that has joined has settled. */
  async guestsGone(): Promise<void> {
    while (this.#guests && this.#guests.size > 0) await Promise.allSettled(this.#guests);
  }

  /** The store has confirmed a renewal that was sent at `sentAt`. */
  extend(sentAt: number): void {
    this.failures = 0;
    this.#deadline = Math.max(this.#deadline, deadlineOf(sentAt, this.ttl));
    this.renewAt = sentAt + this.renewEvery;
  }

  /** Also called after a release that found another holder. */
  lose(reason: LossReason, stalledFor = 0): void {
    if (this.#lossReason && this.#lossReason !== 'released') return;
    this.#lossReason = reason;
    this.#lossError = this.#loss(reason, stalledFor);
    this.#controller?.abort(this.#lossError);
    this.#home.lost(this, this.#lossError);
  }

  /** Aborts the signal to ask the work to end. The lock is still held and renewed. */
  abort(reason: unknown): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }

  /** Its time has run out. */
  expire(): void {
    // The reason is the deadline that came first, even if both passed unnoticed.
    if (this.#endsAt <= this.#deadline) return this.lose('max-hold');
    const stalledFor = this.#home.stalledFor;
    // If the event loop was blocked, nobody could read a reply. That is not the store's fault.
    const storeIsAway = (this.failures > 0 || this.renewing) && stalledFor < this.ttl / 2;
    this.lose(storeIsAway ? 'store-unavailable' : 'expired', stalledFor);
  }

  #loss(reason: LossReason, stalledFor = 0): LockLostError {
    const message =
      reason === 'max-hold'
        ? messages.heldTooLong(this.name, this.#maxHold)
        : messages.lost(this.name, reason, { ttl: this.ttl, stalledFor });
    return new LockLostError(message, reason);
  }
}
