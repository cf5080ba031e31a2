import { TOKEN_RETENTION } from './lock-store.js';
import type {
  AcquireReply,
  AcquireRequest,
  Claim,
  ForceRequest,
  HeldBy,
  OwnerReply,
  OwnerRequest,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
} from './lock-store.js';
import { withEnd, withRun, withoutRunOf } from './job-record.js';
import {
  RunMarks,
  idleSinceFor,
  isOwn,
  keptUntil,
  markEnd,
  markGivenUp,
  markGranted,
  markMissed,
  markPaused,
} from './run-marks.js';
import { ruleOn, type Ruling } from './ruling.js';
import { joinQueue, keptFor, leaveQueue, takeNext, type Waiter } from './waiting-queue.js';

/** Everything an embedded store knows about one lock. */
export interface LockEntry {
  /** Absent if the lock is free. */
  held?: Held;
  fencingToken: number;
  marks: RunMarks;
  /** The waiters, in their order. */
  queue?: Waiter[];
  /** Until when it is remembered while nobody holds it; milliseconds since the epoch. */
  keepUntil: number;
}

/** A grant that has not ended yet. */
export interface Held {
  owner: string;
  holder: string;
  /** On the store's steady clock. */
  expiresAt: number;
  /** The process that holds it, if the store can tell whether that is still there. */
  process?: unknown;
}

/** The store's clocks at the moment of a decision. */
export interface StoreTime {
  /** Milliseconds on a clock that does not step; expiry is counted on it. */
  readonly steady: number;
  /** Milliseconds since the epoch, with fraction; ticks and fencing tokens are judged by it. */
  readonly wall: number;
}

/** What a decision replies, and whether it has changed the entry. */
export type Decision<R> = readonly [reply: R, changed: boolean];

/** The rules of `AcquireReply`, for the embedded stores. */
export function acquireEntry(
  entry: LockEntry,
  request: AcquireRequest,
  time: StoreTime,
): Decision<AcquireReply> {
  const { owner, claim } = request;
  const holds = ownerOf(entry, owner, time) === 'held';
  // Read only if there is a claim: it takes longer than all the rest.
  const now = claim && time.wall;
  if (holds && (!claim || isOwn(entry.marks, claim, owner)))
    return [extendGrant(entry, request, time, now), true];
  const isFree = holds || !liveHolder(entry, time);
  const ruling = claim && ruleOn(entry.marks, { ...request, claim }, time.wall, isFree);
  if (ruling && ruling.status !== 'open') return refuse(entry, request, ruling, time);
  const queued = !holds && queue(entry, request, time);
  const held = liveHolder(entry, time);
  if (held && held.owner !== owner) {
    return [{ status: 'busy', ...heldBy(held, time), queued: request.waited !== undefined, now }, queued];
  }
  if (!held) grant(entry, request, request.ttl, time);
  if (claim) recordGrant(entry, { ...request, claim }, time.wall);
  const reply = extendGrant(entry, request, time, now);
  return [ruling ? { ...reply, futureMark: ruling.futureMark } : reply, true];
}

/** Marks what was granted, and records the run. */
function recordGrant(entry: LockEntry, request: AcquireRequest & { claim: Claim }, now: number): void {
  const { marks, fencingToken } = entry;
  const { claim } = request;
  markGranted(marks, request, now);
  const record = marks.get(claim)?.record;
  // One that is there is kept as long as this claim says, which may be not at all.
  if (claim.history || record) marks.setRecord(claim, withRun(record, request, fencingToken, now), now);
  keepMarkOf(entry, claim);
}

/** A caller that is refused neither holds the lock nor is queued afterwards. */
function refuse(
  entry: LockEntry,
  { owner, claim, ...request }: AcquireRequest,
  ruling: Refusal,
  time: StoreTime,
): Decision<AcquireReply> {
  const [, changed] = leave(entry, owner, time);
  const reply = { ...ruling, now: time.wall };
  if (!claim) return [reply, changed];
  const marked = markRefusal(entry, { ...request, owner, claim }, ruling, time.wall);
  const idleSince = idleSinceFor(entry.marks, claim, owner);
  return [idleSince === undefined ? reply : { ...reply, idleSince }, changed || marked];
}

/** Says of a tick only once that nobody will run it. Returns whether anything was marked. */
function markRefusal(
  entry: LockEntry,
  request: AcquireRequest & { claim: Claim },
  ruling: Refusal,
  now: number,
): boolean {
  const { marks } = entry;
  const { claim, owner } = request;
  if (ruling.status === 'paused') {
    if (!markPaused(marks, request, now)) return false;
  } else if (ruling.status === 'done' && ruling.isMissed && claim.kind === 'tick') {
    if (!markMissed(marks, claim, owner, now)) return false;
  } else if (ruling.status === 'done' && ruling.attempts !== undefined) markGivenUp(marks, claim, now);
  else return false;
  keepMarkOf(entry, claim);
  return true;
}

/** Queues the caller if it wants that; a lock that is free is given to the first in the queue. */
function queue(entry: LockEntry, request: AcquireRequest, time: StoreTime): boolean {
  const { waited } = request;
  const changed =
    waited !== undefined && joinQueue((entry.queue ??= []), { ...request, waited }, time.steady);
  if (!entry.queue?.length || liveHolder(entry, time)) return changed;
  handOver(entry, time);
  return true;
}

type Granted = Extract<AcquireReply, { status: 'granted' }>;
type Refusal = Exclude<Ruling, { status: 'open' }>;

/** Keeps the fencing token of a lock that the owner has already. */
function extendGrant(
  entry: LockEntry,
  { owner, ttl, claim }: AcquireRequest,
  time: StoreTime,
  now: number | undefined,
): Granted {
  // Changed in place: a spread takes longer than all else here.
  entry.held!.expiresAt = time.steady + ttl;
  const idleSince = claim && idleSinceFor(entry.marks, claim, owner);
  return { status: 'granted', fencingToken: entry.fencingToken, now, idleSince };
}

export function renewEntry(
  entry: LockEntry,
  { owner, ttl }: RenewRequest,
  time: StoreTime,
): Decision<OwnerReply> {
  const reply = ownerOf(entry, owner, time);
  if (reply !== 'held') return [reply, false];
  entry.held!.expiresAt = time.steady + ttl;
  keep(entry, time.wall + TOKEN_RETENTION);
  return [reply, true];
}

export function releaseEntry(
  entry: LockEntry,
  request: ReleaseRequest,
  time: StoreTime,
): Decision<OwnerReply> {
  const { owner, claim } = request;
  const recorded = claim !== undefined && recordEnd(entry, { ...request, claim }, time);
  const [reply, changed] = leave(entry, owner, time);
  return [reply, changed || recorded];
}

/** Returns whether anything was. */
function recordEnd(entry: LockEntry, request: ReleaseRequest & { claim: Claim }, time: StoreTime): boolean {
  const { marks } = entry;
  const { owner, claim, end, run } = request;
  const marked = markEnd(marks, request, time.wall, ownerOf(entry, owner, time));
  const record = marks.get(claim)?.record;
  const ends = record !== undefined && (end === 'void' || run !== undefined);
  if (record && end === 'void') marks.setRecord(claim, withoutRunOf(record, owner, time.wall), time.wall);
  else if (record && run) marks.setRecord(claim, withEnd(record, run, time.wall), time.wall);
  if (!marked && !ends) return false;
  keepMarkOf(entry, claim);
  return true;
}

/** Frees the lock if its owner has it, and takes the owner out of the queue. */
function leave(entry: LockEntry, owner: string, time: StoreTime): Decision<OwnerReply> {
  const left = entry.queue !== undefined && leaveQueue(entry.queue, owner);
  const reply = ownerOf(entry, owner, time);
  if (reply !== 'held') return [reply, left];
  keep(entry, time.wall + TOKEN_RETENTION);
  handOver(entry, time);
  return [reply, true];
}

export function forceEntry(entry: LockEntry, request: ForceRequest, time: StoreTime): Decision<OwnerReply> {
  if (!liveHolder(entry, time)) return ['vanished', false];
  if (entry.fencingToken !== request.fencingToken) return ['taken', false];
  keep(entry, time.wall + TOKEN_RETENTION);
  handOver(entry, time);
  return ['held', true];
}

export function inspectEntry(entry: LockEntry, time: StoreTime): StoredLock | null {
  const held = liveHolder(entry, time);
  if (!held) return null;
  return { ...heldBy(held, time), fencingToken: entry.fencingToken, waiters: entry.queue?.length ?? 0 };
}

/** The fencing token of the holder; undefined if the lock is free. */
export function heldToken(entry: LockEntry, time: StoreTime): number | undefined {
  return liveHolder(entry, time) && entry.fencingToken;
}

function heldBy({ owner, holder, expiresAt }: Held, time: StoreTime): HeldBy {
  return { owner, holder, remaining: Math.ceil(expiresAt - time.steady) };
}

export function newEntry(): Pick<LockEntry, 'fencingToken' | 'marks' | 'keepUntil'> {
  return { fencingToken: 0, marks: new RunMarks(), keepUntil: 0 };
}

/** Whether nobody holds the lock, and nothing about it is worth remembering. */
export function isForgettable(entry: LockEntry, time: StoreTime): boolean {
  return entry.keepUntil <= time.wall && !liveHolder(entry, time);
}

/** Frees the lock, or gives it to the first in the queue. */
function handOver(entry: LockEntry, time: StoreTime): void {
  delete entry.held;
  const next = entry.queue && takeNext(entry.queue, time.steady);
  if (!next) return;
  grant(entry, next, keptFor(next), time);
  if (next.process) entry.held!.process = next.process;
}

function grant(
  entry: LockEntry,
  { owner, holder }: Pick<Held, 'owner' | 'holder'>,
  ttl: number,
  time: StoreTime,
): void {
  entry.held = { owner, holder, expiresAt: time.steady + ttl };
  entry.fencingToken = nextToken(entry, time);
  keep(entry, time.wall + TOKEN_RETENTION);
}

function keepMarkOf(entry: LockEntry, claim: Claim): void {
  const mark = entry.marks.get(claim);
  if (mark) keep(entry, keptUntil(mark));
}

/** Higher than any before, also than those of an entry that was forgotten. */
export function nextToken({ fencingToken }: LockEntry, time: StoreTime): number {
  return Math.max(fencingToken + 1, Math.floor(time.wall * 1000));
}

/** Not shorter than before: an earlier claim may have to be remembered for longer. */
function keep(entry: LockEntry, until: number): void {
  entry.keepUntil = Math.max(entry.keepUntil, until);
}

function ownerOf(entry: LockEntry, owner: OwnerRequest['owner'], time: StoreTime): OwnerReply {
  const held = liveHolder(entry, time);
  if (!held) return 'vanished';
  return held.owner === owner ? 'held' : 'taken';
}

function liveHolder(entry: LockEntry, time: StoreTime): Held | undefined {
  return entry.held && entry.held.expiresAt > time.steady ? entry.held : undefined;
}
