import { setTimeout as sleep } from 'node:timers/promises';
import { HANG } from './hang.js';

export interface EventuallyOptions {
  /** Milliseconds after which it gives up: shorter only where that is what a test is about. @default HANG */
  readonly within?: number;
  /** Milliseconds between two tries. @default 10 */
  readonly every?: number;
}

/**
 * Tries a check of a real system until it passes: it neither throws nor gives `false`. Resolves to what it gave.
 * @example await eventually(async () => (await store.inspect('a', 1000)) === null);
 * @example await eventually(() => expect(runs).toHaveLength(3));
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { within = HANG, every = 10 }: EventuallyOptions = {},
): Promise<T> {
  const deadline = performance.now() + within;
  let tries = 0;
  let failure: unknown;
  let reason = '';
  do {
    if (tries++ > 0) await sleep(every);
    try {
      const result = await settled(check, deadline - performance.now());
      if (result !== false) return result;
      [failure, reason] = [undefined, 'it gave false'];
    } catch (error) {
      [failure, reason] = [error, reasonOf(error)];
    }
  } while (performance.now() < deadline);
  throw new Error(message(check, within, tries, reason), { cause: failure });
}

/** A check that hangs fails like one that does not pass. */
async function settled<T>(check: () => T | Promise<T>, within: number): Promise<T> {
  const timeUp = new AbortController();
  try {
    return await Promise.race([
      check(),
      sleep(Math.max(0, within), undefined, { signal: timeUp.signal }).then(() => {
        throw new Error('the check itself did not settle');
      }),
    ]);
  } finally {
    timeUp.abort();
  }
}

function message(check: () => unknown, within: number, tries: number, reason: string): string {
  return `Not within ${within} ms (${tries} tries): ${String(check)}\nLast time: ${reason}`;
}

/** Not `instanceof Error`: inside jest, errors of Node itself are made by another realm. */
function reasonOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
}
