import { AsyncResource } from 'node:async_hooks';

const outside = new AsyncResource('nestjs-exclusive-lock');

/**
 * Runs code that sets timers in the context in which this module was loaded. A timer keeps the context that it is made in,
 * such as that of the request which happened to take a lock, and one that is set anew from inside of itself keeps it for
 * ever.
 */
export function runOutside<T>(code: () => T): T {
  return outside.runInAsyncScope(code);
}
