import type { Clock } from './clock.js';
import { pause } from './pause.js';

/** What the promise resolves to, or undefined when that takes longer than `ms`. */
export async function within<T>(ms: number, promise: Promise<T>, clock: Clock): Promise<T | undefined> {
  const settled = new AbortController();
  const late = pause(ms, { clock, signal: settled.signal, ref: true });
  try {
    return await Promise.race([promise, late]);
  } finally {
    settled.abort();
  }
}
