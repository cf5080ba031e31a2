import { isPromise } from 'node:util/types';

/** Calls what a user has given. What it throws, or the promise that it returns is rejected with, goes to `onError`. */
export function callSafely(call: () => unknown, onError: (error: unknown) => void): void {
  try {
    const returned = call();
    // No other thenable: only a promise's rejection ends the process, and what is lazy would be started.
    if (isPromise(returned)) returned.catch(onError);
  } catch (error) {
    onError(error);
  }
}
