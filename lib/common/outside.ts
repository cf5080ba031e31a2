import { AsyncResource } from 'node:async_hooks';

const outside = new AsyncResource('nestjs-exclusive-lock');

/**
 * Runs code that sets timers in the async context in which this module was loaded. A timer keeps the context in which
 * it is set, such as that of the request that happened to take a lock. A timer that sets itself again would keep it for
 * ever.
 */
export function runOutside<T>(code: () => T): T {
  return outside.runInAsyncScope(code);
}
