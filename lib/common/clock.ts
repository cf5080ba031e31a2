import { uptime } from 'node:os';
import { performance } from 'node:perf_hooks';

/** The time by which leases are judged. A parameter, so that a test can move it. */
export interface Clock {
  /** Milliseconds since some fixed moment, including suspended time. Never goes back. */
  now(): number;
  /** Milliseconds since the epoch, if they differ from those of `Date`. */
  wall?(): number;
  /**
   * Only on a clock that a test moves: calls back when the clock was moved by that many milliseconds. Returns a
   * function that cancels this. Timers do not follow such a clock, so each wait ends with its timer or this callback,
   * whichever comes first.
   */
  whenMoved?(by: number, callback: () => void): () => void;
}

/** Milliseconds since the epoch. */
export function wallTime(clock: Clock): number {
  return clock.wall?.() ?? Date.now();
}

/** The clocks of the operating system that {@link SteadyClock} compares, all in milliseconds. */
export interface RawClocks {
  /** Never steps, but stands still while the machine is suspended. */
  monotonic(): number;
  /** Runs on through a suspend, but steps whenever somebody sets it. */
  wall(): number;
  /** Runs on through a suspend and never steps, but is coarse (10 ms) and takes microseconds to read. */
  uptime(): number;
}

const SYSTEM_CLOCKS: RawClocks = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  uptime: () => uptime() * 1000,
};

/** Milliseconds by which wall and monotonic clock may move apart before the uptime is read. */
const DRIFT_TOLERANCE = 15;
/** Milliseconds. A shorter difference comes from the coarse uptime, not from a suspend. */
const SHORTEST_SUSPEND = 50;

/**
 * Monotonic time that includes suspended time. If the wall clock and the monotonic clock have moved apart, it reads the
 * uptime of the machine, to tell a suspend from a change of the wall clock.
 */
export class SteadyClock implements Clock {
  readonly #clocks: RawClocks;
  /** Uptime minus monotonic time at the start. It grows by the time spent suspended. */
  readonly #origin: number;
  #drift: number;
  #suspended = 0;

  constructor(clocks: RawClocks = SYSTEM_CLOCKS) {
    this.#clocks = clocks;
    this.#origin = clocks.uptime() - clocks.monotonic();
    this.#drift = clocks.wall() - clocks.monotonic();
  }

  now(): number {
    const monotonic = this.#clocks.monotonic();
    const drift = this.#clocks.wall() - monotonic;
    if (Math.abs(drift - this.#drift) > DRIFT_TOLERANCE) {
      this.#drift = drift;
      this.#countSuspend();
    }
    return monotonic + this.#suspended;
  }

  #countSuspend(): void {
    // Both are read again: a pause since the first reading must not count as a suspend.
    const suspended = this.#clocks.uptime() - this.#clocks.monotonic() - this.#origin;
    if (suspended - this.#suspended >= SHORTEST_SUSPEND) this.#suspended = suspended;
  }
}
