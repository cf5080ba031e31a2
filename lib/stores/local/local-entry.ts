import type { LockEntry, StoreTime } from '../lock-entry.js';
import type { Place } from '../waiting-line.js';
import { isGone, type ProcessIdentity } from './process-identity.js';

/** A lock as it is written to its file. */
export interface LocalEntry extends LockEntry {
  holder?: LocalHolder;
  line?: LocalPlace[];
}

export interface LocalHolder {
  record: string;
  /** On the machine's monotonic clock, as is `renewedAt`. */
  expiresAt: number;
  renewedAt: number;
  process: ProcessIdentity;
}

interface LocalPlace extends Place {
  process?: ProcessIdentity;
}

/** The monotonic clocks of two processes are the same one; this allows for cores that disagree a little. */
const CLOCK_TOLERANCE = 1000;

/** Frees a lock whose holder is dead, so that nobody waits for its TTL, and forgets the dead who stand in line. */
export function dropTheDead(entry: LocalEntry, self: ProcessIdentity, time: StoreTime): void {
  if (entry.holder && isDead(entry.holder, self, time)) delete entry.holder;
  if (!entry.line) return;
  entry.line = entry.line.filter(({ process }) => !process || !isGone(process, self));
  if (entry.line.length === 0) delete entry.line;
}

/** To be called when this process has changed the entry: what is nobody's yet is its own. */
export function sign(entry: LocalEntry, self: ProcessIdentity, time: StoreTime): void {
  if (entry.holder) {
    entry.holder.renewedAt = time.steady;
    entry.holder.process ??= self;
  }
  for (const place of entry.line ?? []) place.process ??= self;
}

function isDead(holder: LocalHolder, self: ProcessIdentity, time: StoreTime): boolean {
  if (holder.expiresAt <= time.steady) return true;
  // Monotonic time starts anew with the machine: this was written before it was restarted.
  if (holder.renewedAt > time.steady + CLOCK_TOLERANCE) return true;
  return isGone(holder.process, self);
}
