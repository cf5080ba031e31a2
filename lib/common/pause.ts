import type { Clock } from './clock.js';

/** The longest delay a Node timer can have: 24.8 days. */
const LONGEST = 2 ** 31 - 1;

/** Calls back after `ms`, or when a test moves the clock that far. Returns a function that cancels this. */
export function after(
  ms: number,
  clock: Pick<Clock, 'whenMoved'>,
  callback: () => void,
  ref = true,
): () => void {
  const timer = setTimeout(fire, Math.min(ms, LONGEST));
  if (!ref) timer.unref();
  const forget = clock.whenMoved?.(ms, fire);
  function cancel(): void {
    clearTimeout(timer);
    forget?.();
  }
  function fire(): void {
    cancel();
    callback();
  }
  return cancel;
}

/** The callbacks of each signal. They share one listener, since Node warns about a leak at eleven listeners. */
const sleepers = new WeakMap<AbortSignal, Set<() => void>>();

function addSleeper(signal: AbortSignal, end: () => void): void {
  const ends = sleepers.get(signal);
  if (ends) {
    ends.add(end);
    return;
  }
  sleepers.set(signal, new Set([end]));
  signal.addEventListener('abort', endSleepers);
}

function removeSleeper(signal: AbortSignal, end: () => void): void {
  const ends = sleepers.get(signal);
  ends?.delete(end);
  if (ends?.size !== 0) return;
  sleepers.delete(signal);
  signal.removeEventListener('abort', endSleepers);
}

/**
 * Calls back when the signal aborts, or at once if it has aborted. Returns a function that cancels this. The signal has
 * one listener for any number of callbacks.
 */
export function whenAborted(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  addSleeper(signal, callback);
  return () => removeSleeper(signal, callback);
}

function endSleepers(this: AbortSignal): void {
  for (const end of sleepers.get(this) ?? []) end();
}

interface PauseOptions {
  /** Each of these ends the sleep when it aborts. */
  readonly signals: readonly AbortSignal[];
  /** Whether the sleep keeps the process alive. @default true */
  readonly ref?: boolean;
}

/** Lets one caller sleep. `wake()` or one of the signals ends the sleep early. */
export class Pause {
  readonly #clock: Clock;
  readonly #options: PauseOptions;
  #woken = false;
  #end: (() => void) | undefined;

  constructor(clock: Clock, options: PauseOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Sleeps for `ms`, unless it was woken since the last sleep. Never rejects. */
  async for(ms: number): Promise<void> {
    if (!this.#woken && !this.#options.signals.some(({ aborted }) => aborted)) await this.#sleep(ms);
    this.#woken = false;
  }

  /** Ends the sleep, or prevents the next one. */
  readonly wake = (): void => {
    this.#woken = true;
    this.#end?.();
  };

  #sleep(ms: number): Promise<void> {
    const { signals, ref } = this.#options;
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        for (const signal of signals) removeSleeper(signal, end);
        this.#end = undefined;
        resolve();
      };
      this.#end = end;
      const cancel = after(ms, this.#clock, end, ref);
      for (const signal of signals) addSleeper(signal, end);
    });
  }
}

/** Waits for a reply for `patience` milliseconds, or until the signal aborts. Resolves to whether the reply has come. */
export async function comesInTime(
  reply: Promise<unknown>,
  patience: number,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const pause = new Pause(clock, { signals: signal ? [signal] : [] });
  let hasCome = false;
  void reply.then(() => {
    hasCome = true;
    pause.wake();
  });
  await pause.for(patience);
  return hasCome;
}
