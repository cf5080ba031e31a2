import { BEHIND_TOLERANCE, EARLY_TOLERANCE, retentionFor } from './lock-store.js';
import type {
  AcquireReply,
  AcquireRequest,
  Claim,
  OwnerReply,
  OwnerRequest,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
} from './lock-store.js';
import { isDone, markCompleted, markGranted, type RunMarks } from './run-marks.js';

/** Everything an embedded store knows about one lock. */
export interface LockEntry {
  /** Absent when the lock is free. */
  holder?: { record: string; expiresAt: number };
  fence: number;
  marks: RunMarks;
  /** Until when it is remembered while nobody holds it; milliseconds since the epoch. */
  keepUntil: number;
}

/** The store's clocks at the moment of a decision. */
export interface StoreTime {
  /** Milliseconds on a clock that does not step; expiry is counted on it. */
  readonly steady: number;
  /** Milliseconds since the epoch, with fraction; ticks and fences are judged by it. */
  readonly wall: number;
}

/** The rules of `AcquireReply`, for the stores that are not Redis. Changes `entry` only when it grants. */
export function acquireEntry(entry: LockEntry, request: AcquireRequest, time: StoreTime): AcquireReply {
  const holder = liveHolder(entry, time);
  if (holder?.record === request.record) {
    holder.expiresAt = time.steady + request.ttl;
    return { status: 'granted', fence: entry.fence };
  }
  const { claim } = request;
  // Read only where it decides: it takes longer than all the rest.
  const now = claim && time.wall;
  if (claim?.kind === 'tick') {
    const by = claim.time - time.wall;
    if (by > EARLY_TOLERANCE) return { status: 'early', by: Math.ceil(by), now };
    if (time.wall - (claim.askedAt ?? Infinity) > BEHIND_TOLERANCE) return { status: 'behind', now };
  }
  if (claim && isDone(entry.marks, claim, time.wall)) return { status: 'done', now };
  if (holder) {
    const remaining = Math.ceil(holder.expiresAt - time.steady);
    return { status: 'busy', record: holder.record, remaining, now };
  }
  entry.holder = { record: request.record, expiresAt: time.steady + request.ttl };
  entry.fence = Math.max(entry.fence + 1, Math.floor(time.wall * 1000));
  if (claim) markGranted(entry.marks, claim, time.wall);
  keep(entry, claim, time);
  return { status: 'granted', fence: entry.fence, now };
}

export function renewEntry(entry: LockEntry, request: RenewRequest, time: StoreTime): OwnerReply {
  const reply = ownerOf(entry, request, time);
  if (reply === 'held') entry.holder = { record: request.record, expiresAt: time.steady + request.ttl };
  return reply;
}

export function releaseEntry(entry: LockEntry, request: ReleaseRequest, time: StoreTime): OwnerReply {
  const reply = ownerOf(entry, request, time);
  if (reply !== 'held') return reply;
  delete entry.holder;
  const { completed } = request;
  if (completed) markCompleted(entry.marks, completed, time.wall);
  keep(entry, completed, time);
  return reply;
}

export function inspectEntry(entry: LockEntry, time: StoreTime): StoredLock | null {
  const holder = liveHolder(entry, time);
  if (!holder) return null;
  return { record: holder.record, remaining: Math.ceil(holder.expiresAt - time.steady), fence: entry.fence };
}

export function newEntry(): Omit<LockEntry, 'holder'> {
  return { fence: 0, marks: {}, keepUntil: 0 };
}

/** Whether nobody holds the lock, and nothing about it is worth remembering. */
export function isForgettable(entry: LockEntry, time: StoreTime): boolean {
  return entry.keepUntil <= time.wall && !liveHolder(entry, time);
}

/** Not shorter than before: an earlier claim may have to be remembered for longer. */
function keep(entry: LockEntry, claim: Claim | undefined, time: StoreTime): void {
  entry.keepUntil = Math.max(entry.keepUntil, time.wall + retentionFor(claim));
}

function ownerOf(entry: LockEntry, request: OwnerRequest, time: StoreTime): OwnerReply {
  const holder = liveHolder(entry, time);
  if (!holder) return 'vanished';
  return holder.record === request.record ? 'held' : 'taken';
}

function liveHolder(entry: LockEntry, time: StoreTime): LockEntry['holder'] {
  return entry.holder && entry.holder.expiresAt > time.steady ? entry.holder : undefined;
}
