// Imported, since a test may have faked the globals.
import { clearTimeout, setTimeout } from 'node:timers';

/** Whether a process is suspended. What it would do meanwhile is done when it is woken. */
export class Suspension {
  readonly #waiting = new Set<() => void>();
  #isOn = false;

  get isOn(): boolean {
    return this.#isOn;
  }

  begin(): void {
    this.#isOn = true;
  }

  end(): void {
    this.#isOn = false;
    for (const callback of this.#waiting) {
      this.#waiting.delete(callback);
      callback();
    }
  }

  /** Calls back at once, or when the process is woken. Returns a function that cancels this. */
  whenAwake(callback: () => void): () => void {
    if (!this.#isOn) {
      callback();
      return () => undefined;
    }
    // Made anew: the same function may wait twice.
    const waiting = (): void => callback();
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting);
  }

  /** Resolves to true when the process is awake, or to false when that many milliseconds of real time have passed. */
  async awake(within: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        cancel();
        resolve(false);
      }, within);
      const cancel = this.whenAwake(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}
