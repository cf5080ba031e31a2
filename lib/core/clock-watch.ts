import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';

/** Milliseconds that a replica's wall clock may be off before that is worth a line. */
const OUT_OF_STEP = 1000;
/** Off by less than this it is in step again; lower than the other, so that the line is not written again and again. */
const IN_STEP = 500;

/** Says once that the wall clocks of this replica and of the store differ, however many ticks show it. */
export class ClockWatch {
  readonly #logger: LockLogger;
  #told = false;
  #toldTooEarly = false;

  constructor(logger: LockLogger) {
    this.#logger = logger;
  }

  /** The store's clock said `store` at some moment between `before` and `after` on the replica's. */
  observe(before: number, after: number, store: number): void {
    const ahead = store < before ? before - store : store > after ? after - store : 0;
    if (Math.abs(ahead) < IN_STEP) this.#told = this.#toldTooEarly = false;
    if (Math.abs(ahead) <= OUT_OF_STEP || this.#told) return;
    this.#told = true;
    this.#logger.warn(messages.outOfStep(ahead, after, store));
  }

  /** A tick was skipped, being `by` milliseconds ahead of the store's clock when the replica's said `now`. */
  tooEarly(name: string, by: number, tick: number, now: number): void {
    if (this.#toldTooEarly) return;
    // It says more than that the clocks differ.
    this.#told = this.#toldTooEarly = true;
    this.#logger.error(messages.tooEarly(name, by, tick, now));
  }
}
