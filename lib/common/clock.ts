import { uptime } from 'node:os';
import { performance } from 'node:perf_hooks';

/** The time by which leases are judged. Handed in, so that a test can move it. */
export interface Clock {
  /** Milliseconds that have passed since some fixed moment, suspended time included. Never goes back. */
  now(): number;
  /** Milliseconds since the epoch, where they are not those of `Date`. */
  wall?(): number;
  /**
   * Only of a clock that is moved by hand: calls back when it was moved by that many milliseconds; returns what
   * prevents that. Timers do not follow such a clock: whoever waits goes on at whichever of both comes first.
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

/** How far wall and monotonic clock may drift apart before the machine's uptime is asked. */
const DRIFT_TOLERANCE = 15;
/** Less than this is the coarseness of the uptime, not a suspend. */
const SHORTEST_SUSPEND = 50;

/**
 * Monotonic time that counts suspends too. Only when wall and monotonic clock have moved apart, in either
 * direction, is the machine's uptime read: it tells a suspended machine from a wall clock that was set.
 */
export class SteadyClock implements Clock {
  readonly #clocks: RawClocks;
  /** Uptime minus monotonic time at the start: what it has grown by is time spent suspended. */
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
    // Read side by side: a pause since the first reading is not a suspend.
    const suspended = this.#clocks.uptime() - this.#clocks.monotonic() - this.#origin;
    if (suspended - this.#suspended >= SHORTEST_SUSPEND) this.#suspended = suspended;
  }
}
