import type { Clock } from './clock.js';
import { runOutside } from './outside.js';

/**
 * A timer for whoever needs one again and again, and hardly ever to its end. It is left to run out, and set anew only
 * where it would fire too late: to set and clear one each time would cost more than what it guards.
 */
export class LazyTimer {
  readonly #clock: Pick<Clock, 'now' | 'whenMoved'>;
  readonly #onTime: (lateBy: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #firesAt = Infinity;
  /** Fake timers of a test never fire when that has gone back to the real ones. */
  #setTimeout: typeof setTimeout | undefined;
  #forget: (() => void) | undefined;

  constructor(clock: Pick<Clock, 'now' | 'whenMoved'>, onTime: (lateBy: number) => void) {
    this.#clock = clock;
    this.#onTime = onTime;
  }

  /** Fires at that moment of the clock, or before. Does not keep the process alive. */
  setBy(time: number): void {
    if (time >= this.#firesAt && this.#setTimeout === globalThis.setTimeout) return;
    this.clear();
    this.#firesAt = time;
    this.#setTimeout = globalThis.setTimeout;
    // Timers count whole milliseconds: a little late rather than too early.
    const ms = Math.max(1, Math.ceil(time - this.#clock.now()));
    const fire = (): void => this.#fire();
    this.#timer = runOutside(() => setTimeout(fire, ms).unref());
    this.#forget = this.#clock.whenMoved?.(ms, fire);
  }

  /** Milliseconds by which it should have fired already; 0 where it is not set. */
  get overdue(): number {
    return Math.max(0, this.#clock.now() - this.#firesAt);
  }

  /** Keeps the process alive until it fires, or not any more. */
  keepAlive(alive: boolean): void {
    if (alive) this.#timer?.ref();
    else this.#timer?.unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#forget?.();
    this.#timer = undefined;
    this.#forget = undefined;
    this.#firesAt = Infinity;
  }

  #fire(): void {
    const lateBy = this.overdue;
    this.clear();
    this.#onTime(lateBy);
  }
}
