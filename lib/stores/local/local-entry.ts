import type { Held, LockEntry, StoreTime } from '../lock-entry.js';
import type { ReplicaEntry } from '../replica-entries.js';
import type { Waiter } from '../waiting-queue.js';
import { isGone, type ProcessIdentity } from './process-identity.js';

/** A lock, as its file contains it. */
export interface LocalEntry extends LockEntry {
  /** `expiresAt` and the times of `queue` are on the clock of `stamp`. */
  held?: LocalHeld;
  queue?: LocalWaiter[];
  /** Whether marks were moved out of this entry; see `MovedMarks`. */
  hasMoved?: boolean;
  /** Those that are known, in an entry that is no lock. */
  replicas?: Readonly<Record<string, ReplicaEntry>>;
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

/** The time of the last write. */
export interface Stamp {
  /** The monotonic clock of `steady`. */
  readonly clock: string;
  readonly steady: number;
  readonly wall: number;
}

/** Milliseconds by which the same monotonic clock may differ between two cores. */
const CLOCK_TOLERANCE = 1000;

/**
 * Converts the times of an entry to the clock of this process. The entry may have been written before the machine was
 * restarted, or by another machine if the file system is shared without our knowledge. Then its holder keeps its TTL,
 * counted from the write by the wall clock.
 *
 * @returns whether the entry must be written: if the wall clock was set back, only our own clock can measure that TTL
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

/** Frees the lock if its holder is dead, so that nobody waits for its TTL, and removes dead waiters from the queue. */
export function dropTheDead(entry: LocalEntry, self: ProcessIdentity, time: StoreTime): void {
  if (entry.held && isDead(entry.held, self, time)) delete entry.held;
  if (!entry.queue) return;
  entry.queue = entry.queue.filter(({ process }) => !process || !isGone(process, self));
  if (entry.queue.length === 0) delete entry.queue;
}

/** Call this after a change of the entry: a holder and waiters without a process become those of this process. */
export function sign(entry: LocalEntry, self: ProcessIdentity, time: StoreTime): void {
  entry.stamp = { clock: self.clock, steady: time.steady, wall: time.wall };
  if (entry.held) entry.held.process ??= self;
  for (const waiter of entry.queue ?? []) waiter.process ??= self;
}

function isOurs(stamp: Stamp, self: ProcessIdentity, time: StoreTime): boolean {
  // Monotonic time starts anew with the machine: a later time than now was written before a restart.
  return stamp.clock === self.clock && stamp.steady <= time.steady + CLOCK_TOLERANCE;
}

function isDead(held: LocalHeld, self: ProcessIdentity, time: StoreTime): boolean {
  return held.expiresAt <= time.steady || isGone(held.process, self);
}
