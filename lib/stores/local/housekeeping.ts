import { isForgettable, type StoreTime } from '../lock-entry.js';
import type { EntryFiles } from './entry-files.js';
import { dropTheDead, putOnOurClock } from './local-entry.js';
import type { StoredEntry } from './lock-folder.js';
import { Pacer } from './pacer.js';
import type { ProcessIdentity } from './process-identity.js';

/** A write takes less than a millisecond: an older draft belongs to a process that was killed. */
const DRAFT_RETENTION = 60 * 60 * 1000;
/** Milliseconds of rest after each piece of work, so that most of a core is left to the application. */
const REST = 20;

/** Removes old drafts, and the entries that nobody holds and that contain nothing worth remembering. */
export async function removeUnused(
  files: EntryFiles,
  self: ProcessIdentity,
  now: () => StoreTime,
  signal: AbortSignal,
): Promise<void> {
  files.touch();
  await files.removeDrafts(now().wall - DRAFT_RETENTION);
  for await (const stored of files.all(new Pacer(REST))) {
    if (signal.aborted) return;
    if (isUnused(stored, self, now())) files.remove(stored);
    else files.touch(stored);
  }
}

function isUnused({ entry }: StoredEntry, self: ProcessIdentity, time: StoreTime): boolean {
  if (entry === undefined) return true;
  putOnOurClock(entry, self, time);
  dropTheDead(entry, self, time);
  return isForgettable(entry, time);
}
