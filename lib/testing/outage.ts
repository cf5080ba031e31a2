import type { Clock } from '../common/clock.js';

/** The time in which calls of a store fail, since a test says so. */
export class Outage {
  readonly #clock: Clock;
  #until = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isOn(): boolean {
    return this.#clock.now() < this.#until;
  }

  begin(ms = Infinity): void {
    this.#until = this.#clock.now() + ms;
  }

  end(): void {
    this.#until = 0;
  }
}
