/** How often a visible page asks, in milliseconds, and by how much that varies, so as not to keep pace with a job. */
const EVERY = 3000;
const MORE_OR_LESS = 300;

/** Asks again and again while the page is visible, and at once when it becomes visible again. */
export class Poll {
  #ask;
  #timer;
  #asking = false;
  #again = false;

  constructor(ask) {
    this.#ask = ask;
    document.addEventListener('visibilitychange', () => this.#begin());
    this.#begin();
  }

  /** Asks now, since something has changed. */
  now() {
    this.#again = this.#asking;
    if (!this.#asking) this.#begin();
  }

  #begin() {
    clearTimeout(this.#timer);
    if (!document.hidden && !this.#asking) void this.#run();
  }

  #waitAWhile() {
    const ms = EVERY + (2 * Math.random() - 1) * MORE_OR_LESS;
    this.#timer = setTimeout(() => this.#begin(), ms);
  }

  async #run() {
    this.#asking = true;
    await this.#ask();
    this.#asking = false;
    if (this.#again) {
      this.#again = false;
      this.#begin();
    } else if (!document.hidden) this.#waitAWhile();
  }
}
