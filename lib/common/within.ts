import type { Clock } from './clock.js';
import { after } from './pause.js';

/** What the promise resolves to, or undefined when that takes longer than `ms`. */
export function within<T>(ms: number, promise: Promise<T>, clock: Clock): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = after(ms, clock, () => resolve(undefined));
    const settle =
      <R>(done: (result: R) => void) =>
      (result: R): void => {
        cancel();
        done(result);
      };
    promise.then(settle(resolve), settle(reject));
  });
}
