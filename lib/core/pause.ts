/** The longest delay a Node timer can have: 24.8 days. */
const LONGEST = 2 ** 31 - 1;

/** Lets one caller sleep, and ends that early when it is woken or one of the signals aborts. */
export class Pause {
  readonly #signals: readonly AbortSignal[];
  #woken = false;
  #end: (() => void) | undefined;

  constructor(signals: readonly AbortSignal[]) {
    this.#signals = signals;
  }

  /** Does not sleep if it was woken since the last time. */
  async for(ms: number): Promise<void> {
    if (!this.#woken && !this.#signals.some(({ aborted }) => aborted)) await this.#sleep(ms);
    this.#woken = false;
  }

  /** Ends the sleep, or keeps from the next one. */
  readonly wake = (): void => {
    this.#woken = true;
    this.#end?.();
  };

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        for (const signal of this.#signals) signal.removeEventListener('abort', end);
        this.#end = undefined;
        resolve();
      };
      this.#end = end;
      const timer = setTimeout(end, Math.min(ms, LONGEST));
      for (const signal of this.#signals) signal.addEventListener('abort', end);
    });
  }
}
