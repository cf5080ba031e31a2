import { Bag, type BagMember } from './bag.js';
import type { Clock } from './clock.js';
import { LazyTimer } from './lazy-timer.js';
import { after } from './pause.js';

/** A callback that is called at its time unless it is cancelled. */
export interface Deadline extends BagMember {
  /** Milliseconds, on the clock of its `Deadlines`. */
  readonly at: number;
  readonly passed: () => void;
  /** Ends its own timer, if it has one. */
  forget: (() => void) | undefined;
}

interface DeadlinesOptions {
  /** Whether pending deadlines keep the process alive. @default false */
  readonly keepAlive?: boolean;
}

/** Many deadlines with one timer. Nearly all are cancelled long before they pass. */
export class Deadlines {
  readonly #clock: Pick<Clock, 'now' | 'whenMoved'>;
  readonly #keepAlive: boolean;
  readonly #pending = new Bag<Deadline>();
  readonly #timer: LazyTimer;

  /** `performance` of Node is enough as the clock if suspended time does not matter. */
  constructor(clock: Pick<Clock, 'now' | 'whenMoved'>, { keepAlive = false }: DeadlinesOptions = {}) {
    this.#clock = clock;
    this.#keepAlive = keepAlive;
    this.#timer = new LazyTimer(clock, () => this.#wake());
  }

  /** Calls `passed` at this time of the clock, or a little later. */
  add(at: number, passed: () => void): Deadline {
    const deadline: Deadline = { at, passed, bagIndex: -1, forget: undefined };
    this.#pending.add(deadline);
    if (this.#clock.whenMoved) {
      // A manual clock stands still, so each deadline also needs a real timer of its own.
      const ms = at - this.#clock.now();
      deadline.forget = after(ms, this.#clock, () => this.#pass(deadline), this.#keepAlive);
      return deadline;
    }
    this.#wakeBy(at);
    return deadline;
  }

  /** Cancels a deadline. Returns whether it was pending. */
  cancel(deadline: Deadline): boolean {
    const isPending = this.#pending.has(deadline);
    deadline.forget?.();
    this.#pending.remove(deadline);
    if (this.#pending.size === 0) this.#timer.keepAlive(false);
    return isPending;
  }

  /** Ends the timer if nothing is pending. Call this when no more deadlines will be added. */
  rest(): void {
    if (this.#pending.size === 0) this.#timer.clear();
  }

  #wakeBy(at: number): void {
    this.#timer.setBy(at);
    if (this.#keepAlive) this.#timer.keepAlive(this.#pending.size > 0);
  }

  #wake(): void {
    const now = this.#clock.now();
    let next = Infinity;
    for (const deadline of this.#pending.all()) {
      if (deadline.at <= now) this.#pass(deadline);
      else next = Math.min(next, deadline.at);
    }
    if (next < Infinity) this.#wakeBy(next);
  }

  #pass(deadline: Deadline): void {
    // The callback of another deadline may have cancelled it.
    if (!this.#pending.has(deadline)) return;
    this.cancel(deadline);
    deadline.passed();
  }
}
