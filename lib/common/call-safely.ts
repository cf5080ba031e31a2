import { isPromise } from 'node:util/types';

/** Calls a user's function. Passes what it throws, or the reason if its promise rejects, to `onError`. */
export function callSafely(call: () => unknown, onError: (error: unknown) => void): void {
  try {
    const returned = call();
    // Not other thenables: only an unhandled promise ends the process, and `then` would start a lazy thenable.
    if (isPromise(returned)) returned.catch(onError);
  } catch (error) {
    onError(error);
  }
}
