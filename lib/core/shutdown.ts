import { Bag, type BagMember } from '../common/bag.js';
import type { Clock } from '../common/clock.js';
import { LockShuttingDownError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { Pause } from '../common/pause.js';
import type { HeldLease } from './held-lease.js';

/** Milliseconds that work has to return after its signal has aborted. */
const GRACE = 1000;

/** A lease that was granted and not yet released. A member of its own: the lease itself is in the keeper's bag. */
interface Active extends BagMember {
  readonly lease: HeldLease;
}

/** What one phase of the shutdown waits for. */
interface Drain {
  readonly covers: (active: Active) => boolean;
  readonly left: Set<Active>;
  readonly ends: Pause;
  /** Whether it also waits for acquisitions that have not ended. */
  readonly asking: boolean;
  /** What is granted from now on finds its signal aborted. */
  timeIsUp: boolean;
}

/**
 * The order in which a replica leaves. First no scheduled work begins any more, and scheduled work that runs is waited for.
 * Then the same happens to work that was locked by hand.
 */
export class Shutdown {
  /** Called when the shutdown gives up work that did not return. */
  onGivenUp: ((lease: HeldLease) => void) | undefined;
  readonly #drainTimeout: number;
  readonly #logger: LockLogger;
  readonly #clock: Clock;
  readonly #active = new Bag<Active>();
  readonly #drains = new Set<Drain>();
  /** Work that did not return when it was told to: no later phase waits for it again. */
  readonly #givenUp = new WeakSet<Active>();
  /** Acquisitions that have not come to their end; a grant among them may still be run. */
  #asking = 0;
  readonly #noMoreScheduled = new AbortController();
  #noMoreLocks = new AbortController();
  /** When drainTimeout is over: there is one for all phases, so that a shutdown takes no longer with several. */
  #endsAt: number | undefined;

  constructor(drainTimeout: number, logger: LockLogger, clock: Clock) {
    this.#drainTimeout = drainTimeout;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Aborts when locks, or locks for scheduled work, are refused. That of scheduled work is the same for good. */
  refusal(scheduled: boolean): AbortSignal {
    return (scheduled ? this.#noMoreScheduled : this.#noMoreLocks).signal;
  }

  /** The shutdown also waits for the end of an acquisition. */
  askingBegins(): void {
    this.#asking++;
  }

  askingEnds(): void {
    this.#asking--;
    for (const drain of this.#drains) this.#tellIfOver(drain);
  }

  /** The shutdown waits for this lease until it was released. */
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

  /** Waits until nobody has or awaits a lock, and refuses new ones so that this comes to an end. */
  async drainAll(): Promise<void> {
    this.#noMoreScheduled.abort();
    this.#noMoreLocks.abort();
    await this.#drain(() => true, true);
  }

  /** The next hooks of the application may take locks, until the next phase. */
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

  /** Aborts the signals of work that takes longer than the rest of drainTimeout. */
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
