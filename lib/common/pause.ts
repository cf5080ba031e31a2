import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from './clock.js';

interface PauseOptions {
  readonly clock: Clock;
  /** Ends the pause. */
  readonly signal: AbortSignal;
  /** Whether it keeps the process alive. */
  readonly ref: boolean;
}

/** Resolves after `ms`; earlier when the signal aborts, or when somebody moves the clock that far. Never rejects. */
export async function pause(ms: number, { clock, signal, ref }: PauseOptions): Promise<undefined> {
  const nap = (ends: AbortSignal): Promise<undefined> =>
    sleep(ms, undefined, { signal: ends, ref }).catch(() => undefined);
  // Most clocks are not moved, and each release takes this way.
  if (!clock.whenMoved) return nap(signal);
  const moved = new AbortController();
  const forget = clock.whenMoved(ms, () => moved.abort());
  await nap(AbortSignal.any([signal, moved.signal]));
  forget();
  return undefined;
}
