// Imported, since a test may have faked the global.
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Resolves when all pending promise callbacks have run. */
export async function settled(): Promise<void> {
  await nextTurn();
}
