import { setImmediate } from 'node:timers/promises';

/** Milliseconds for which an event loop may stand still without anybody noticing. */
const LONGEST_STRETCH = 2;

/** Cuts long synchronous work into pieces, between which the event loop turns. */
export class Pacer {
  #since = performance.now();

  /** To be called between two steps of the work. */
  async pause(): Promise<void> {
    if (performance.now() - this.#since < LONGEST_STRETCH) return;
    await setImmediate();
    this.#since = performance.now();
  }
}
