import { Bag, type Member } from './bag.js';
import type { Clock } from './clock.js';
import { after } from './pause.js';

/** Something that is to happen unless it is cancelled before. */
export interface Deadline extends Member {
  /** On the clock of its deadlines. */
  readonly at: number;
  readonly passed: () => void;
}

/**
 * Many deadlines with one timer, which does not keep the process alive. Nearly all are cancelled long before: a timer
 * for each would cost more than the call that it guards.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #pending = new Bag<Deadline>();
  #cancelTimer = (): void => undefined;
  #wakeAt = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(at: number, passed: () => void): Deadline {
    const deadline = { at, passed, place: -1 };
    this.#pending.add(deadline);
    if (at < this.#wakeAt) this.#wakeBy(at);
    return deadline;
  }

  /** The timer goes on: to set one for each time that something is pending would cost as much as one for each deadline. */
  cancel(deadline: Deadline): void {
    this.#pending.remove(deadline);
  }

  /** Ends the timer where nothing is pending: for whoever adds nothing any more. */
  rest(): void {
    if (this.#pending.size > 0) return;
    this.#cancelTimer();
    this.#wakeAt = Infinity;
  }

  #wakeBy(at: number): void {
    this.#cancelTimer();
    this.#wakeAt = at;
    // Timers count whole milliseconds: a little late rather than too early.
    const ms = Math.max(1, Math.ceil(at - this.#clock.now()));
    this.#cancelTimer = after(ms, this.#clock, () => this.#wake(), false);
  }

  #wake(): void {
    // A clock that is moved by hand may have stood still while the timer ran.
    const now = Math.max(this.#clock.now(), this.#wakeAt);
    this.#wakeAt = Infinity;
    let next = Infinity;
    this.#pending.forEach((deadline) => {
      if (deadline.at > now) {
        next = Math.min(next, deadline.at);
        return;
      }
      this.#pending.remove(deadline);
      deadline.passed();
    });
    if (next < this.#wakeAt) this.#wakeBy(next);
  }
}
