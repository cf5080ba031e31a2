import { jest } from '@jest/globals';

interface SleepOptions {
  readonly signal?: AbortSignal;
  readonly ref?: boolean;
}

/**
 * Puts the sleep of `node:timers/promises` on the timers that jest fakes. Import what sleeps only after this, with
 * `await import()`: the sleep is bound when its module is loaded.
 */
export function fakeSleep(): void {
  jest.unstable_mockModule('node:timers/promises', () => ({ setTimeout: sleep }));
}

function sleep<T>(ms: number, value?: T, { signal, ref = true }: SleepOptions = {}): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(new Error('The sleep was aborted'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(value);
    }, ms);
    if (!ref) timer.unref();
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
