import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';

/** Milliseconds by which a replica's wall clock may differ from the store's before a line is logged. */
const OUT_OF_STEP = 1000;
/** Below this the clocks agree again. Lower than the limit above, so that the line is not logged over and over. */
const IN_STEP = 500;

/** Logs once that the wall clocks of this replica and of the store differ, however many ticks show it. */
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

  /** A tick was skipped: it was `by` milliseconds ahead of the store's clock when the replica's clock said `now`. */
  tooEarly(name: string, by: number, tick: number, now: number): void {
    if (this.#toldTooEarly) return;
    // This line includes that the clocks differ.
    this.#told = this.#toldTooEarly = true;
    this.#logger.error(messages.tooEarly(name, by, tick, now));
  }
}
