import { jest } from '@jest/globals';
import type { Clock } from '../../../../lib/common/clock.js';

/** Time that stands still until the test lets it pass. Needs jest's fake timers, which then follow it. */
export class ManualClock implements Clock {
  readonly #start: number;
  #stoodStill = 0;

  /** Takes the timers of the test into its hand; `afterEach(useRealTime)` gives them back. */
  static install(): ManualClock {
    // What Node itself runs on between two timers stays as it is: promises settle while time stands still.
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
    return new ManualClock();
  }

  private constructor() {
    this.#start = jest.now();
  }

  now(): number {
    return jest.now() - this.#start + this.#stoodStill;
  }

  /** Lets time pass; each timer fires when it is due, and promises settle in between. */
  async pass(ms: number): Promise<void> {
    await jest.advanceTimersByTimeAsync(ms);
  }

  /** The process is stopped for a while: time passes, but no timer fires and no promise settles. */
  standStill(ms: number): void {
    this.#stoodStill += ms;
  }
}

/** Lets promises settle, while time stands still. */
export async function settle(): Promise<void> {
  await jest.advanceTimersByTimeAsync(0);
}

/** Timers that go on. Those that many leases share end within half a second of the last that needs them. */
export async function timersLeft(): Promise<number> {
  await jest.advanceTimersByTimeAsync(500);
  return jest.getTimerCount();
}

export function useRealTime(): void {
  jest.useRealTimers();
}
