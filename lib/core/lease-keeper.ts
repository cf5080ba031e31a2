import { Bag } from '../common/bag.js';
import type { Clock } from '../common/clock.js';
import { LazyTimer } from '../common/lazy-timer.js';
import { after } from '../common/pause.js';
import type { LockStoreError } from '../common/errors.js';
import type { LockStore, OwnerReply, OwnerRequest } from '../stores/lock-store.js';
import type { HeldLease } from './held-lease.js';
import type { LockEvents } from './lock-events.js';

/** Milliseconds before a failed renewal is first retried. Doubles up to `renewEvery`. */
const FIRST_RETRY = 25;
/**
 * Milliseconds between two looks at the clock. Timers stop while the machine is suspended; this ends leases soon after
 * it resumes.
 */
const LONGEST_DELAY = 500;
/** Milliseconds by which a timer may fire early, since timers count whole milliseconds. */
const TIMER_PRECISION = 1;
/** How many leases one store call renews. More would block the event loop and the server. */
const RENEW_BATCH = 1000;
/** Milliseconds between two such calls. */
const BATCH_DELAY = 5;

/**
 * Renews all leases of a process and ends those whose time has run out. All leases share one timer, which does not keep
 * the process alive. It never waits for a renewal, so a store that hangs cannot delay the end of a lease.
 */
export class LeaseKeeper {
  readonly #leases = new Bag<HeldLease>();
  readonly #store: Pick<LockStore, 'renew'>;
  readonly #clock: Clock;
  readonly #commandTimeout: number;
  readonly #events: LockEvents;
  readonly #timer: LazyTimer;
  #wakeAt = Infinity;
  /** By how many milliseconds the timer that fired now is late. */
  #lateBy = 0;
  #stopped = false;

  constructor(store: Pick<LockStore, 'renew'>, clock: Clock, commandTimeout: number, events: LockEvents) {
    this.#store = store;
    this.#clock = clock;
    this.#commandTimeout = commandTimeout;
    this.#events = events;
    this.#timer = new LazyTimer(clock, (lateBy) => this.#onTimer(lateBy));
  }

  /** Milliseconds for which the event loop was blocked or the process did not run, as far as the timer shows. */
  get stalledFor(): number {
    return Math.max(this.#lateBy, this.#timer.overdue);
  }

  keep(lease: HeldLease): void {
    if (this.#stopped) return;
    this.#leases.add(lease);
    this.#wakeBy(Math.min(lease.renewAt, lease.deadline));
  }

  drop(lease: HeldLease): void {
    this.#leases.remove(lease);
  }

  /** Stops renewing. Leases that are still held end when their time is over. */
  stop(): void {
    this.#stopped = true;
    this.#leases.clear();
    this.#wakeAt = Infinity;
    this.#timer.clear();
  }

  /** The store reports, without being asked, that another owner has the lock or nobody has it. */
  takenAway(owner: OwnerRequest, how: 'taken' | 'vanished'): void {
    for (const lease of this.#leases.all()) {
      if (lease.owner === owner.owner) this.#settle(lease, how, this.#clock.now(), undefined);
    }
  }

  /** Renews all leases at once, because the store may have forgotten its locks. */
  renewAllNow(): void {
    const now = this.#clock.now();
    for (const lease of this.#leases.all()) lease.renewAt = now;
    if (this.#leases.size > 0) this.#wakeBy(now);
  }

  #wakeBy(time: number): void {
    this.#wakeAt = Math.min(this.#wakeAt, time);
    if (this.#wakeAt < Infinity) this.#setTimer();
  }

  #setTimer(): void {
    this.#timer.setBy(Math.min(this.#wakeAt, this.#clock.now() + LONGEST_DELAY));
  }

  #onTimer(lateBy: number): void {
    this.#lateBy = lateBy;
    const isEarly = this.#clock.now() + TIMER_PRECISION < this.#wakeAt;
    // Without leases the timer is not set again.
    if (isEarly && this.#leases.size > 0) this.#setTimer();
    else this.#wake();
    this.#lateBy = 0;
  }

  #wake(): void {
    this.#wakeAt = Infinity;
    const now = this.#clock.now() + TIMER_PRECISION;
    const due: HeldLease[] = [];
    let next = Infinity;
    for (const lease of this.#leases.all()) {
      // One reading of the clock serves all leases.
      if (!lease.heldAt(now)) {
        this.#leases.remove(lease);
        continue;
      }
      // Leases that are due soon are renewed together, so that many leases need few commands.
      if (!lease.renewing && lease.renewAt <= now + lease.renewEvery / 4) due.push(lease);
      else if (!lease.renewing) next = Math.min(next, lease.renewAt);
      next = Math.min(next, lease.deadline);
    }
    // If not all fit into one call, the most urgent come first.
    if (due.length > RENEW_BATCH) due.sort((a, b) => a.deadline - b.deadline);
    for (const lease of due) lease.renewing = true;
    this.#renewAll(due);
    this.#wakeBy(next);
  }

  #renewAll(due: readonly HeldLease[], from = 0): void {
    const next = from + RENEW_BATCH;
    // Some may have been released in the meantime.
    const batch = due.slice(from, next).filter((lease) => this.#leases.has(lease));
    if (batch.length > 0) void this.#renew(batch);
    if (next < due.length) after(BATCH_DELAY, this.#clock, () => this.#renewAll(due, next), false);
  }

  async #renew(leases: readonly HeldLease[]): Promise<void> {
    let within = this.#commandTimeout;
    for (const lease of leases) within = Math.min(within, lease.renewEvery);
    const sentAt = this.#clock.now();
    let replies: readonly (OwnerReply | undefined)[] | undefined;
    let failure: LockStoreError | undefined;
    try {
      replies = await this.#store.renew(leases, within);
    } catch (error) {
      // An unknown state is not a loss: the renewal is retried until the deadline.
      failure = error as LockStoreError;
    }
    let next = Infinity;
    // By index, because entries() would allocate an array for each of thousands of leases.
    for (let i = 0; i < leases.length; i++) {
      const lease = leases[i];
      lease.renewing = false;
      this.#settle(lease, replies?.[i], sentAt, failure);
      if (this.#leases.has(lease)) next = Math.min(next, lease.renewAt, lease.deadline);
    }
    this.#wakeBy(next);
  }

  #settle(
    lease: HeldLease,
    reply: OwnerReply | undefined,
    sentAt: number,
    error: LockStoreError | undefined,
  ): void {
    if (!this.#leases.has(lease)) return;
    switch (reply) {
      case 'held':
        lease.extend(sentAt);
        this.#events.emit(() => ({
          type: 'renewed',
          ...lease.identity,
          remaining: Math.floor(lease.remaining),
        }));
        break;
      case 'taken':
      case 'vanished':
        lease.lose(reply);
        this.drop(lease);
        break;
      case undefined:
        lease.renewAt = this.#clock.now() + this.#retryAfter(lease);
        this.#events.emit(() => ({
          type: 'renewalFailed',
          ...lease.identity,
          remaining: Math.floor(lease.remaining),
          error,
        }));
    }
  }

  /** Retries more often towards the deadline, so that an outage that ends before it costs no lease. */
  #retryAfter(lease: HeldLease): number {
    const left = lease.deadline - this.#clock.now();
    const doubled = FIRST_RETRY * 2 ** lease.failures++;
    return Math.max(FIRST_RETRY, Math.min(lease.renewEvery, doubled, left / 4));
  }
}
