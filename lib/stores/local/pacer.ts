import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds for which an event loop may stand still without anybody noticing. */
const LONGEST_STRETCH = 2;

/** Cuts long synchronous work into pieces, between which the event loop turns. */
export class Pacer {
  readonly #rest: number;
  #since = performance.now();

  /** @param rest milliseconds to leave to others between two pieces, for work that nobody waits for */
  constructor(rest = 0) {
    this.#rest = rest;
  }

  /** To be called between two steps of the work. */
  async pause(): Promise<void> {
    if (performance.now() - this.#since < LONGEST_STRETCH) return;
    await (this.#rest > 0 ? sleep(this.#rest, undefined, { ref: false }) : setImmediate());
    this.#since = performance.now();
  }
}
