import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds for which work may block the event loop unnoticed. */
const LONGEST_STRETCH = 2;

/** Splits long synchronous work, so that the event loop runs in between. */
export class Pacer {
  readonly #rest: number;
  #since = performance.now();

  /** @param rest milliseconds to pause between two pieces, for work that nobody waits for */
  constructor(rest = 0) {
    this.#rest = rest;
  }

  /** Call this between two steps of the work. */
  async pause(): Promise<void> {
    if (performance.now() - this.#since < LONGEST_STRETCH) return;
    await (this.#rest > 0 ? sleep(this.#rest, undefined, { ref: false }) : setImmediate());
    this.#since = performance.now();
  }
}
