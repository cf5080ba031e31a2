import type { Held, LockEntry, StoreTime } from '../lock-entry.js';
import type { Waiter } from '../waiting-queue.js';
import { isGone, type ProcessIdentity } from './process-identity.js';

/** A lock as it is written to its file. */
export interface LocalEntry extends LockEntry {
  /** `expiresAt` is on the clock of the entry's `stamp`, as are the times of `queue`. */
  held?: LocalHeld;
  queue?: LocalWaiter[];
  /** There are marks that were moved out of it; see `MovedMarks`. */
  hasMoved?: boolean;
  /** Absent until it is written. */
  stamp?: Stamp;
}

export interface LocalHeld extends Held {
  process: ProcessIdentity;
}

interface LocalWaiter extends Waiter {
  since: number;
  process?: ProcessIdentity;
}

/** The moment of the last write. */
export interface Stamp {
  /** Which monotonic clock `steady` is of. */
  readonly clock: string;
  readonly steady: number;
  readonly wall: number;
}

/** The monotonic clocks of two processes are the same one; this allows for cores that disagree a little. */
const CLOCK_TOLERANCE = 1000;

/**
 * Puts the times of an entry on our clock: it may be one of before the machine was restarted, or of another machine
 * where the file system is one that several share without our knowing. Its holder keeps its TTL then, counted from the
 * write by the wall clock.
 *
 * @returns whether the entry is to be written: by a wall clock that was set back since, only our own clock will tell
 * when that time has passed
 */
export function putOnOurClock(entry: LocalEntry, self: ProcessIdentity, time: StoreTime): boolean {
  const { stamp } = entry;
  if (!stamp || isOurs(stamp, self, time)) return false;

  const elapsed = time.wall - stamp.wall;
  const shift = time.steady - Math.max(elapsed, 0) - stamp.steady;
  if (entry.held) entry.held.expiresAt += shift;
  for (const waiter of entry.queue ?? []) {
    waiter.since += shift;
    waiter.asked += shift;
  }
  return elapsed < 0;
}

/** Frees a lock whose holder is dead, so that nobody waits for its TTL, and forgets the waiters that are dead. */
export function dropTheDead(entry: LocalEntry, self: ProcessIdentity, time: StoreTime): void {
  if (entry.held && isDead(entry.held, self, time)) delete entry.held;
  if (!entry.queue) return;
  entry.queue = entry.queue.filter(({ process }) => !process || !isGone(process, self));
  if (entry.queue.length === 0) delete entry.queue;
}

/** To be called when this process has changed the entry: what is nobody's yet is its own. */
export function sign(entry: LocalEntry, self: ProcessIdentity, time: StoreTime): void {
  entry.stamp = { clock: self.clock, steady: time.steady, wall: time.wall };
  if (entry.held) entry.held.process ??= self;
  for (const waiter of entry.queue ?? []) waiter.process ??= self;
}

function isOurs(stamp: Stamp, self: ProcessIdentity, time: StoreTime): boolean {
  // Monotonic time starts anew with the machine: what is later than now was written before it was restarted.
  return stamp.clock === self.clock && stamp.steady <= time.steady + CLOCK_TOLERANCE;
}

function isDead(held: LocalHeld, self: ProcessIdentity, time: StoreTime): boolean {
  return held.expiresAt <= time.steady || isGone(held.process, self);
}
