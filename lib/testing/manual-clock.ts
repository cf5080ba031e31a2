import type { Clock } from '../common/clock.js';
import { checkDuration, type Duration } from '../common/duration.js';
import { settled } from './settled.js';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * Time that stands still until the test lets it pass. Leases, waits and the store use it. Only ticks, and the marks
 * that the store keeps of runs, use `Date` plus the time that has passed here.
 */
export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>();
  #now = 0;
  #moves: Promise<void> = Promise.resolve();

  /** The milliseconds that the test has let pass. */
  now(): number {
    return this.#now;
  }

  /** Milliseconds since the epoch: those of `Date` plus those that the test has let pass. */
  wall(): number {
    return Date.now() + this.#now;
  }

  /**
   * Lets time pass for a running process: leases are renewed or expire, and waits end, each at its time. Resolves when
   * all their effects have happened.
   *
   * @throws LockConfigurationError for a bad duration
   * @example
   * await kit.clock.advance('1h'); // the work goes on for an hour, its lease is renewed
   */
  async advance(duration: Duration): Promise<void> {
    const ms = checkDuration('duration', duration, 0, { longest: Number.MAX_SAFE_INTEGER });
    this.#moves = this.#moves.then(() => this.#pass(ms));
    await this.#moves;
  }

  /**
   * Lets time pass for a suspended process: at once, without a renewal. A lease whose `ttl` is over is no longer held
   * when this returns, and its signal has aborted when it resolves.
   *
   * @throws LockConfigurationError for a bad duration
   */
  async standStill(duration: Duration): Promise<void> {
    this.#now += checkDuration('duration', duration, 0, { longest: Number.MAX_SAFE_INTEGER });
    await this.advance(0);
  }

  /** Calls back when that many milliseconds have passed here. Returns a function that cancels this. */
  whenMoved(by: number, callback: () => void): () => void {
    const timer = { at: this.#now + by, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  async #pass(ms: number): Promise<void> {
    // Calls that were made just before, such as an acquisition, must set their timers first.
    await settled();
    const end = this.#now + ms;
    for (let timer = this.#nextBy(end); timer; timer = this.#nextBy(end)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.at);
      timer.callback();
      await settled();
    }
    this.#now = Math.max(this.#now, end);
  }

  #nextBy(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (!next || timer.at < next.at)) next = timer;
    }
    return next;
  }
}
