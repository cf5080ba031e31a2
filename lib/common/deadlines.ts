import { performance } from 'node:perf_hooks';

/** Something that is to happen unless it is cancelled before. */
export interface Deadline {
  /** By `performance.now()`. */
  readonly at: number;
  readonly passed: () => void;
}

/**
 * Many deadlines with one timer, which does not keep the process alive. Nearly all are cancelled long before: a timer
 * for each would cost more than the call that it guards.
 */
export class Deadlines {
  readonly #pending = new Set<Deadline>();
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Infinity;

  add(at: number, passed: () => void): Deadline {
    const deadline = { at, passed };
    this.#pending.add(deadline);
    if (at < this.#wakeAt) this.#wakeBy(at);
    return deadline;
  }

  cancel(deadline: Deadline): void {
    this.#pending.delete(deadline);
  }

  #wakeBy(at: number): void {
    clearTimeout(this.#timer);
    this.#wakeAt = at;
    // Timers count whole milliseconds: a little late rather than too early.
    this.#timer = setTimeout(() => this.#wake(), Math.max(1, Math.ceil(at - performance.now()))).unref();
  }

  #wake(): void {
    this.#wakeAt = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const deadline of this.#pending) {
      if (deadline.at > now) {
        next = Math.min(next, deadline.at);
        continue;
      }
      this.#pending.delete(deadline);
      deadline.passed();
    }
    if (next < this.#wakeAt) this.#wakeBy(next);
  }
}
