/** How often a visible page asks, in milliseconds. */
const EVERY = 3000;

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

  async #run() {
    this.#asking = true;
    await this.#ask();
    this.#asking = false;
    if (this.#again) {
      this.#again = false;
      this.#begin();
    } else if (!document.hidden) this.#timer = setTimeout(() => this.#begin(), EVERY);
  }
}
