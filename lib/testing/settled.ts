// Not the global, which a test may have faked.
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Resolves when all that has nothing to wait for has come as far as it can. */
export async function settled(): Promise<void> {
  await nextTurn();
}
