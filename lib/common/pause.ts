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
export async function pause(ms: number, { clock, signal, ref }: PauseOptions): Promise<void> {
  const moved = new AbortController();
  const forget = clock.whenMoved?.(ms, () => moved.abort());
  const ends = forget ? AbortSignal.any([signal, moved.signal]) : signal;
  await sleep(ms, undefined, { signal: ends, ref }).catch(() => undefined);
  forget?.();
}
