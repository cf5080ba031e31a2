import { Bag, type BagMember } from './bag.js';
import type { Clock } from './clock.js';
import { LazyTimer } from './lazy-timer.js';
import { after } from './pause.js';

/** Something that is to happen unless it is cancelled before. */
export interface Deadline extends BagMember {
  /** On the clock of its deadlines. */
  readonly at: number;
  readonly passed: () => void;
  /** Ends the timer that is its own. */
  forget: (() => void) | undefined;
}

interface DeadlinesOptions {
  /** Whether what is pending keeps the process alive. @default false */
  readonly keepAlive?: boolean;
}

/** Many deadlines with one timer. Nearly all are cancelled long before. */
export class Deadlines {
  readonly #clock: Pick<Clock, 'now' | 'whenMoved'>;
  readonly #keepAlive: boolean;
  readonly #pending = new Bag<Deadline>();
  readonly #timer: LazyTimer;

  /** The `performance` of Node will do where time spent suspended does not matter. */
  constructor(clock: Pick<Clock, 'now' | 'whenMoved'>, { keepAlive = false }: DeadlinesOptions = {}) {
    this.#clock = clock;
    this.#keepAlive = keepAlive;
    this.#timer = new LazyTimer(clock, () => this.#wake());
  }

  /** `passed` is called at that moment of the clock, or a little later. */
  add(at: number, passed: () => void): Deadline {
    const deadline: Deadline = { at, passed, bagIndex: -1, forget: undefined };
    this.#pending.add(deadline);
    if (this.#clock.whenMoved) {
      // While such a clock stands still, each has to pass in its own real time.
      const ms = at - this.#clock.now();
      deadline.forget = after(ms, this.#clock, () => this.#pass(deadline), this.#keepAlive);
      return deadline;
    }
    this.#wakeBy(at);
    return deadline;
  }

  /** Returns whether it had not passed. */
  cancel(deadline: Deadline): boolean {
    const isPending = this.#pending.has(deadline);
    deadline.forget?.();
    this.#pending.remove(deadline);
    if (this.#pending.size === 0) this.#timer.keepAlive(false);
    return isPending;
  }

  /** Ends the timer where nothing is pending: for whoever adds nothing any more. */
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
    // Another that has passed may have cancelled it.
    if (!this.#pending.has(deadline)) return;
    this.cancel(deadline);
    deadline.passed();
  }
}
