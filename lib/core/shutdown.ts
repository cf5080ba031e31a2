import { Bag, type BagMember } from '../common/bag.js';
import type { Clock } from '../common/clock.js';
import { LockShuttingDownError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { Pause } from '../common/pause.js';
import type { HeldLease } from './lease.js';

/** Milliseconds that work has to return after its signal has aborted. */
const GRACE = 1000;

/** A lease that was granted and not yet given back. A member of its own: the lease itself is in the keeper's bag. */
interface Active extends BagMember {
  readonly lease: HeldLease;
}

/** The order in which a replica leaves: no new ticks, then no new locks, then wait for the work that runs. */
export class Shutdown {
  readonly #drainTimeout: number;
  readonly #logger: LockLogger;
  readonly #clock: Clock;
  readonly #active = new Bag<Active>();
  /** Acquisitions that have not come to their end; a grant among them is still run. */
  #asking = 0;
  readonly #noMoreTicks = new AbortController();
  readonly #noMoreLocks = new AbortController();
  #timeIsUp = false;
  #onIdle: (() => void) | undefined;

  constructor(drainTimeout: number, logger: LockLogger, clock: Clock) {
    this.#drainTimeout = drainTimeout;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Aborts when locks, or locks for calls of a scheduler, are refused. */
  refusal(scheduled: boolean): AbortSignal {
    return (scheduled ? this.#noMoreTicks : this.#noMoreLocks).signal;
  }

  refuseTicks(): void {
    this.#noMoreTicks.abort();
  }

  /** The shutdown waits for the end of an acquisition, too. */
  askingBegins(): void {
    this.#asking++;
  }

  askingEnds(): void {
    this.#asking--;
    this.#tellIfIdle();
  }

  /** Returns what is to be called when the lease was given back. */
  entered(lease: HeldLease): () => void {
    const active = { lease, bagIndex: -1 };
    this.#active.add(active);
    if (this.#timeIsUp) this.#abort(lease);
    return () => {
      this.#active.remove(active);
      this.#tellIfIdle();
    };
  }

  /** Waits for all leases to be given back; aborts their signals when that takes too long. */
  async drain(): Promise<void> {
    this.refuseTicks();
    this.#noMoreLocks.abort();
    if (await this.#idleWithin(this.#drainTimeout)) return;
    if (this.#active.size > 0) this.#logger.warn(messages.drainTimedOut(this.#names(), this.#drainTimeout));
    this.#timeIsUp = true;
    for (const { lease } of this.#active.all()) this.#abort(lease);
    if (await this.#idleWithin(GRACE)) return;
    if (this.#active.size > 0) this.#logger.warn(messages.neverReturned(this.#names()));
  }

  #abort(lease: HeldLease): void {
    lease.abort(new LockShuttingDownError(messages.drainOver(lease.name)));
  }

  async #idleWithin(ms: number): Promise<boolean> {
    if (this.#idle) return true;
    const idle = new Pause(this.#clock, { signals: [] });
    this.#onIdle = idle.wake;
    await idle.for(ms);
    return this.#idle;
  }

  get #idle(): boolean {
    return this.#active.size === 0 && this.#asking === 0;
  }

  #tellIfIdle(): void {
    if (this.#idle) this.#onIdle?.();
  }

  #names(): string[] {
    return this.#active.all().map(({ lease }) => lease.name);
  }
}
