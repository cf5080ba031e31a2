import type { LockEntry, StoreTime } from '../lock-entry.js';
import { isGone, type ProcessIdentity } from './process-identity.js';

/** A lock as it is written to its file. */
export interface LocalEntry extends LockEntry {
  holder?: LocalHolder;
}

export interface LocalHolder {
  record: string;
  /** On the machine's monotonic clock, as is `renewedAt`. */
  expiresAt: number;
  renewedAt: number;
  process: ProcessIdentity;
}

/** The monotonic clocks of two processes are the same one; this allows for cores that disagree a little. */
const CLOCK_TOLERANCE = 1000;

/** Frees a lock whose holder is dead, so that nobody waits for its TTL. */
export function dropDeadHolder(entry: LocalEntry, self: ProcessIdentity, time: StoreTime): void {
  if (entry.holder && isDead(entry.holder, self, time)) delete entry.holder;
}

/** To be called after this process has taken or renewed the lock. */
export function signHolder(entry: LocalEntry, self: ProcessIdentity, time: StoreTime): void {
  if (entry.holder) Object.assign(entry.holder, { renewedAt: time.steady, process: self });
}

function isDead(holder: LocalHolder, self: ProcessIdentity, time: StoreTime): boolean {
  if (holder.expiresAt <= time.steady) return true;
  // Monotonic time starts anew with the machine: this was written before it was restarted.
  if (holder.renewedAt > time.steady + CLOCK_TOLERANCE) return true;
  return isGone(holder.process, self);
}
