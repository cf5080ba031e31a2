import { Bag, type BagMember } from '../common/bag.js';
import type { Clock } from '../common/clock.js';
import { LockShuttingDownError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { Pause } from '../common/pause.js';
import type { HeldLease } from './held-lease.js';

/** Milliseconds that work has to return after its signal aborts. */
const GRACE = 1000;

/** A lease that is not yet released. An object of its own, because the lease itself is in the keeper's bag. */
interface Active extends BagMember {
  readonly lease: HeldLease;
}

/** One phase of the shutdown. */
interface Drain {
  readonly covers: (active: Active) => boolean;
  readonly left: Set<Active>;
  readonly ends: Pause;
  /** Whether it also waits for acquisitions that are under way. */
  readonly asking: boolean;
  /** Whether the time is up. Leases that are granted after that have an aborted signal. */
  timeIsUp: boolean;
}

/**
 * Shuts a replica down in order. First it refuses scheduled work and waits for the scheduled work that runs. Then it
 * does the same for work that was locked by hand.
 */
export class Shutdown {
  /** Called when the shutdown gives up work that did not return. */
  onGivenUp: ((lease: HeldLease) => void) | undefined;
  readonly #drainTimeout: number;
  readonly #logger: LockLogger;
  readonly #clock: Clock;
  readonly #active = new Bag<Active>();
  readonly #drains = new Set<Drain>();
  /** Work that did not return after its signal aborted. No later phase waits for it. */
  readonly #givenUp = new WeakSet<Active>();
  /** How many acquisitions are under way. Their grants may still lead to runs. */
  #asking = 0;
  readonly #noMoreScheduled = new AbortController();
  #noMoreLocks = new AbortController();
  /** When drainTimeout is over. All phases share it, so that several phases take no longer than one. */
  #endsAt: number | undefined;

  constructor(drainTimeout: number, logger: LockLogger, clock: Clock) {
    this.#drainTimeout = drainTimeout;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Returns a signal that aborts when locks are refused. For scheduled work it is always the same signal. */
  refusal(scheduled: boolean): AbortSignal {
    return (scheduled ? this.#noMoreScheduled : this.#noMoreLocks).signal;
  }

  /** An acquisition is under way, and the shutdown waits for its end. */
  askingBegins(): void {
    this.#asking++;
  }

  askingEnds(): void {
    this.#asking--;
    for (const drain of this.#drains) this.#tellIfOver(drain);
  }

  /** The shutdown waits until this lease is released. */
  entered(lease: HeldLease): void {
    const active: Active = { lease, bagIndex: -1 };
    lease.active = active;
    this.#active.add(active);
    for (const drain of this.#drains) {
      if (!drain.covers(active)) continue;
      drain.left.add(active);
      if (drain.timeIsUp) this.#abort(lease);
    }
  }

  left({ active }: HeldLease): void {
    if (!active) return;
    this.#active.remove(active as Active);
    for (const drain of this.#drains) {
      if (drain.left.delete(active as Active)) this.#tellIfOver(drain);
    }
  }

  /** Refuses scheduled work from now on, and waits for scheduled work that runs. */
  async drainScheduled(): Promise<void> {
    this.#noMoreScheduled.abort();
    await this.#drain(({ lease }) => lease.scheduled, false);
  }

  /** Refuses new locks, and waits until no lock is held or asked for. */
  async drainAll(): Promise<void> {
    this.#noMoreScheduled.abort();
    this.#noMoreLocks.abort();
    await this.#drain(() => true, true);
  }

  /** Lets the hooks of the application acquire locks again, until the next phase. */
  reopen(): void {
    this.#noMoreLocks = new AbortController();
  }

  async #drain(covers: Drain['covers'], asking: boolean): Promise<void> {
    const running = this.#active.all().filter((active) => covers(active) && !this.#givenUp.has(active));
    const ends = new Pause(this.#clock, { signals: [] });
    const drain: Drain = { covers, left: new Set(running), ends, asking, timeIsUp: false };
    this.#drains.add(drain);
    await this.#untilOver(drain);
    this.#drains.delete(drain);
  }

  /** Waits for the rest of drainTimeout, then aborts the signals of the work that still runs. */
  async #untilOver(drain: Drain): Promise<void> {
    const { left } = drain;
    const now = this.#clock.now();
    this.#endsAt ??= now + this.#drainTimeout;
    const patience = Math.max(0, this.#endsAt - now);
    if (left.size > 0 && patience > 0) this.#logger.log(messages.draining(namesOf(left), patience));
    if (await this.#overWithin(patience, drain)) return;
    if (left.size > 0) this.#logger.warn(messages.drainTimedOut(namesOf(left), this.#drainTimeout));
    drain.timeIsUp = true;
    for (const { lease } of left) this.#abort(lease);
    if (await this.#overWithin(GRACE, drain)) return;
    if (left.size > 0) this.#logger.warn(messages.neverReturned(namesOf(left)));
    for (const active of left) {
      this.#givenUp.add(active);
      this.onGivenUp?.(active.lease);
    }
  }

  #abort(lease: HeldLease): void {
    lease.abort(new LockShuttingDownError(messages.drainOver(lease.name)));
  }

  async #overWithin(ms: number, drain: Drain): Promise<boolean> {
    if (!this.#isOver(drain)) await drain.ends.for(ms);
    return this.#isOver(drain);
  }

  #tellIfOver(drain: Drain): void {
    if (this.#isOver(drain)) drain.ends.wake();
  }

  #isOver({ left, asking }: Drain): boolean {
    return left.size === 0 && !(asking && this.#asking > 0);
  }
}

function namesOf(active: Iterable<Active>): string[] {
  return Array.from(active, ({ lease }) => lease.name);
}
