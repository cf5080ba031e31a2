import type { Clock } from './clock.js';
import { runOutside } from './outside.js';

/**
 * A timer that is set again and again and hardly ever needs to fire. It keeps running when it is no longer needed, and
 * is set again only if it would fire too late. To set and clear a timer for each call would cost more than the call.
 */
export class LazyTimer {
  readonly #clock: Pick<Clock, 'now' | 'whenMoved'>;
  readonly #onTime: (lateBy: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #firesAt = Infinity;
  /** The function that set the timer. A fake timer never fires after its test has restored the real ones. */
  #setTimeout: typeof setTimeout | undefined;
  #forget: (() => void) | undefined;

  constructor(clock: Pick<Clock, 'now' | 'whenMoved'>, onTime: (lateBy: number) => void) {
    this.#clock = clock;
    this.#onTime = onTime;
  }

  /** Makes it fire at this time of the clock, or earlier. Does not keep the process alive. */
  setBy(time: number): void {
    if (time >= this.#firesAt && this.#setTimeout === globalThis.setTimeout) return;
    this.clear();
    this.#firesAt = time;
    this.#setTimeout = globalThis.setTimeout;
    // Timers count whole milliseconds. Rounded up: a little late is better than too early.
    const ms = Math.max(1, Math.ceil(time - this.#clock.now()));
    const fire = (): void => this.#fire();
    this.#timer = runOutside(() => setTimeout(fire, ms).unref());
    this.#forget = this.#clock.whenMoved?.(ms, fire);
  }

  /** Milliseconds since it should have fired; 0 if it is not due or not set. */
  get overdue(): number {
    return Math.max(0, this.#clock.now() - this.#firesAt);
  }

  /** Whether the timer keeps the process alive until it fires. */
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
