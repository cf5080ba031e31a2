import { setImmediate } from 'node:timers/promises';
import { isForgettable, type StoreTime } from '../lock-entry.js';
import { dropDeadHolder } from './local-entry.js';
import type { LockDatabase, StoredEntry } from './lock-database.js';
import type { ProcessIdentity } from './process-identity.js';

/** Entries looked at in one turn of the event loop: a fraction of a millisecond. */
const BATCH = 100;

/** Removes the entries that nobody holds and that hold nothing worth remembering. */
export async function removeUnused(
  database: LockDatabase,
  self: ProcessIdentity,
  now: () => StoreTime,
  signal: AbortSignal,
): Promise<void> {
  let last: string | undefined;
  do {
    const batch = database.scan(last, BATCH);
    const time = now();
    await Promise.all(
      batch.filter((stored) => isUnused(stored, self, time)).map((stored) => database.remove(stored)),
    );
    last = batch.length === BATCH ? batch.at(-1)?.key : undefined;
    await setImmediate();
  } while (last !== undefined && !signal.aborted);
}

function isUnused({ entry }: StoredEntry, self: ProcessIdentity, time: StoreTime): boolean {
  dropDeadHolder(entry, self, time);
  return isForgettable(entry, time);
}
