import { TOKEN_RETENTION } from './lock-store.js';
import type {
  AcquireReply,
  AcquireRequest,
  ForceRequest,
  OwnerReply,
  OwnerRequest,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
  UndoRequest,
} from './lock-store.js';
import {
  RunMarks,
  isOwn,
  markCompleted,
  markGivenUp,
  markGranted,
  ruleOn,
  unmarkGranted,
} from './run-marks.js';
import { leaveLine, standInLine, takeNext, turnOf, type Place } from './waiting-line.js';

/** Everything an embedded store knows about one lock. */
export interface LockEntry {
  /** Absent when the lock is free. */
  holder?: { record: string; expiresAt: number; process?: unknown };
  fencingToken: number;
  marks: RunMarks;
  /** Those who wait for it, in their order. */
  line?: Place[];
  /** Until when it is remembered while nobody holds it; milliseconds since the epoch. */
  keepUntil: number;
}

/** The store's clocks at the moment of a decision. */
export interface StoreTime {
  /** Milliseconds on a clock that does not step; expiry is counted on it. */
  readonly steady: number;
  /** Milliseconds since the epoch, with fraction; ticks and fencing tokens are judged by it. */
  readonly wall: number;
}

/** What a decision answers, and whether it has changed the entry. */
export type Decision<R> = readonly [reply: R, changed: boolean];

/** The rules of `AcquireReply`, for the stores that are not Redis. */
export function acquireEntry(
  entry: LockEntry,
  request: AcquireRequest,
  time: StoreTime,
): Decision<AcquireReply> {
  const { record, claim } = request;
  const holds = ownerOf(entry, request, time) === 'held';
  if (holds && (!claim || isOwn(entry.marks, claim, record)))
    return [extendGrant(entry, request, time), true];
  // Read only where it decides: it takes longer than all the rest.
  const now = claim && time.wall;
  const ruling = claim && ruleOn(entry.marks, claim, time.wall, holds || !liveHolder(entry, time));
  if (ruling && ruling.status !== 'open') {
    const givenUp = ruling.status === 'done' && ruling.attempts !== undefined;
    if (givenUp) markGivenUp(entry.marks, claim, time.wall);
    const [, changed] = leaveEntry(entry, request, time);
    return [{ ...ruling, now }, changed || givenUp];
  }
  const queued = !holds && queue(entry, request, time);
  const holder = liveHolder(entry, time);
  if (holder && holder.record !== record) {
    const remaining = Math.ceil(holder.expiresAt - time.steady);
    return [{ status: 'busy', record: holder.record, remaining, now }, queued];
  }
  if (!holds) grant(entry, request, time);
  if (claim) keep(entry, markGranted(entry.marks, { ...request, claim }, time.wall));
  const { status, fencingToken } = extendGrant(entry, request, time);
  return [{ status, fencingToken, now, futureMark: ruling?.futureMark }, true];
}

/** Takes a place in line where it is wanted; a lock that is free is given to whoever is the first there. */
function queue(entry: LockEntry, request: AcquireRequest, time: StoreTime): boolean {
  const { waited } = request;
  const changed =
    waited !== undefined && standInLine((entry.line ??= []), { ...request, waited }, time.steady);
  if (!entry.line?.length || liveHolder(entry, time)) return changed;
  handOver(entry, time);
  return true;
}

type Granted = Extract<AcquireReply, { status: 'granted' }>;

/** Keeps the fencing token of a lock that the record has already. */
function extendGrant(entry: LockEntry, { record, ttl }: AcquireRequest, time: StoreTime): Granted {
  // Written out: a spread takes longer than all else here.
  const holder = (entry.holder ??= { record, expiresAt: 0 });
  holder.record = record;
  holder.expiresAt = time.steady + ttl;
  return { status: 'granted', fencingToken: entry.fencingToken };
}

export function renewEntry(entry: LockEntry, request: RenewRequest, time: StoreTime): Decision<OwnerReply> {
  const reply = ownerOf(entry, request, time);
  if (reply !== 'held') return [reply, false];
  entry.holder = { record: request.record, expiresAt: time.steady + request.ttl };
  keep(entry, time.wall + TOKEN_RETENTION);
  return [reply, true];
}

export function releaseEntry(
  entry: LockEntry,
  request: ReleaseRequest,
  time: StoreTime,
): Decision<OwnerReply> {
  const reply = ownerOf(entry, request, time);
  const remembered = request.completed && markCompleted(entry.marks, request, time.wall, reply);
  if (remembered) keep(entry, remembered);
  if (reply !== 'held') return [reply, remembered !== undefined];
  keep(entry, time.wall + TOKEN_RETENTION);
  handOver(entry, time);
  return [reply, true];
}

/** Of an acquisition whose caller does not know of it: what it claimed was not run. */
export function undoEntry(entry: LockEntry, request: UndoRequest, time: StoreTime): Decision<OwnerReply> {
  const { claim, record } = request;
  const unmarked = claim !== undefined && unmarkGranted(entry.marks, claim, record, time.wall);
  const [reply, changed] = leaveEntry(entry, { name: request.name, record }, time);
  return [reply, changed || unmarked];
}

/** Takes out a waiter, queued or just granted. */
export function leaveEntry(entry: LockEntry, request: OwnerRequest, time: StoreTime): Decision<OwnerReply> {
  const left = entry.line !== undefined && leaveLine(entry.line, request.record);
  const [reply, changed] = releaseEntry(entry, { name: request.name, record: request.record }, time);
  return [reply, changed || left];
}

export function forceEntry(entry: LockEntry, request: ForceRequest, time: StoreTime): Decision<OwnerReply> {
  if (!liveHolder(entry, time)) return ['vanished', false];
  if (entry.fencingToken !== request.fencingToken) return ['taken', false];
  keep(entry, time.wall + TOKEN_RETENTION);
  handOver(entry, time);
  return ['held', true];
}

export function inspectEntry(entry: LockEntry, time: StoreTime): StoredLock | null {
  const holder = liveHolder(entry, time);
  if (!holder) return null;
  return {
    record: holder.record,
    remaining: Math.ceil(holder.expiresAt - time.steady),
    fencingToken: entry.fencingToken,
    waiters: entry.line?.length ?? 0,
  };
}

export function newEntry(): Pick<LockEntry, 'fencingToken' | 'marks' | 'keepUntil'> {
  return { fencingToken: 0, marks: new RunMarks(), keepUntil: 0 };
}

/** Whether nobody holds the lock, and nothing about it is worth remembering. */
export function isForgettable(entry: LockEntry, time: StoreTime): boolean {
  return entry.keepUntil <= time.wall && !liveHolder(entry, time);
}

/** Frees the lock, or gives it to whoever stands in line next. */
function handOver(entry: LockEntry, time: StoreTime): void {
  delete entry.holder;
  const next = entry.line && takeNext(entry.line, time.steady);
  if (!next) return;
  grant(entry, { record: next.record, ttl: turnOf(next) }, time);
  if (next.process) entry.holder!.process = next.process;
}

function grant(entry: LockEntry, { record, ttl }: Omit<RenewRequest, 'name'>, time: StoreTime): void {
  entry.holder = { record, expiresAt: time.steady + ttl };
  entry.fencingToken = Math.max(entry.fencingToken + 1, Math.floor(time.wall * 1000));
  keep(entry, time.wall + TOKEN_RETENTION);
}

/** Not shorter than before: an earlier claim may have to be remembered for longer. */
function keep(entry: LockEntry, until: number): void {
  entry.keepUntil = Math.max(entry.keepUntil, until);
}

function ownerOf(entry: LockEntry, request: OwnerRequest, time: StoreTime): OwnerReply {
  const holder = liveHolder(entry, time);
  if (!holder) return 'vanished';
  return holder.record === request.record ? 'held' : 'taken';
}

function liveHolder(entry: LockEntry, time: StoreTime): LockEntry['holder'] {
  return entry.holder && entry.holder.expiresAt > time.steady ? entry.holder : undefined;
}
