import { EARLY_TOLERANCE } from './lock-store.js';
import type {
  AcquireReply,
  AcquireRequest,
  OwnerReply,
  OwnerRequest,
  RenewRequest,
  StoredLock,
} from './lock-store.js';

/** Everything an embedded store knows about one lock. */
export interface LockEntry {
  /** Absent when the lock is free. */
  holder?: { record: string; expiresAt: number };
  fence: number;
  /** The last tick granted, by `tick:<series>`; a bare series could be `__proto__`. */
  ticks: Record<`tick:${string}`, number>;
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
  const { tick } = request;
  if (tick) {
    const by = tick.time - time.wall;
    if (by > EARLY_TOLERANCE) return { status: 'early', by: Math.ceil(by) };
    if (tick.time <= (entry.ticks[`tick:${tick.series}`] ?? -Infinity)) return { status: 'done' };
  }
  if (holder)
    return { status: 'busy', record: holder.record, remaining: Math.ceil(holder.expiresAt - time.steady) };

  entry.holder = { record: request.record, expiresAt: time.steady + request.ttl };
  entry.fence = Math.max(entry.fence + 1, Math.floor(time.wall * 1000));
  if (tick) entry.ticks[`tick:${tick.series}`] = tick.time;
  return { status: 'granted', fence: entry.fence };
}

export function renewEntry(entry: LockEntry, request: RenewRequest, time: StoreTime): OwnerReply {
  const reply = ownerOf(entry, request, time);
  if (reply === 'held') entry.holder = { record: request.record, expiresAt: time.steady + request.ttl };
  return reply;
}

export function releaseEntry(entry: LockEntry, request: OwnerRequest, time: StoreTime): OwnerReply {
  const reply = ownerOf(entry, request, time);
  if (reply === 'held') delete entry.holder;
  return reply;
}

export function inspectEntry(entry: LockEntry, time: StoreTime): StoredLock | null {
  const holder = liveHolder(entry, time);
  if (!holder) return null;
  return { record: holder.record, remaining: Math.ceil(holder.expiresAt - time.steady), fence: entry.fence };
}

export function newEntry(): LockEntry {
  return { fence: 0, ticks: {} };
}

function ownerOf(entry: LockEntry, request: OwnerRequest, time: StoreTime): OwnerReply {
  const holder = liveHolder(entry, time);
  if (!holder) return 'vanished';
  return holder.record === request.record ? 'held' : 'taken';
}

function liveHolder(entry: LockEntry, time: StoreTime): LockEntry['holder'] {
  return entry.holder && entry.holder.expiresAt > time.steady ? entry.holder : undefined;
}
