import { endOfTick, withMissedTick, type JobRecord } from './job-record.js';
import {
  EARLY_TOLERANCE,
  recordsCompletion,
  retentionFor,
  type AcquireRequest,
  type Claim,
  type JobRequest,
  type OwnerReply,
  type ReleaseRequest,
  type TickClaim,
} from './lock-store.js';

/** The mark of the last run of one job. */
export interface RunMark {
  /** The nominal time of the tick, or when the gap began or the key was completed, in milliseconds since the epoch. */
  readonly time: number;
  /**
   * How often the tick was granted without being completed; `done` if that no longer counts; `passed` if no replica
   * will run it, which its owner was told.
   */
  readonly state: number | 'done' | 'passed';
  /**
   * The owner that was granted the run, or was told that it passed; empty when its acquisition has ended as completed
   * or void.
   */
  readonly owner: string;
  /** Since when no tick of the job was granted before this one. Its owner is told; without an owner, nobody was. */
  readonly idleSince?: number | undefined;
  readonly application?: string | undefined;
  /** Until when the mark counts, in milliseconds since the epoch. */
  readonly until: number;
  /** The pause and the runs of the job. They are kept when the mark changes. */
  readonly record?: JobRecord | undefined;
}

/** Identifies a job of a lock. */
export type JobName = Omit<JobRequest, 'name'>;

/** A mark that decides nothing. */
const NO_MARK: RunMark = { time: 0, state: 'done', owner: '', until: 0 };

/** Expired marks are removed when there are this many marks, and each time their number has doubled since. */
const SWEEP_AT = 16;

/** The marks of one lock, by kind and job. */
export class RunMarks {
  readonly #marks: Map<string, RunMark>;
  #sweepAt = SWEEP_AT;

  constructor(marks: Readonly<Record<string, RunMark>> = {}) {
    this.#marks = new Map(Object.entries(marks));
  }

  get size(): number {
    return this.#marks.size;
  }

  /** How many runs are recorded in the marks. */
  get runs(): number {
    let runs = 0;
    for (const { record } of this.#marks.values()) runs += record?.runs.length ?? 0;
    return runs;
  }

  /** Returns the mark of a job, even if it has expired and no longer counts. */
  get(job: JobName): RunMark | undefined {
    return this.#marks.get(nameOf(job));
  }

  set(job: JobName, mark: RunMark, now: number): void {
    const record = mark.record ?? this.get(job)?.record;
    this.#marks.set(nameOf(job), record ? { ...mark, record } : mark);
    if (this.#marks.size < this.#sweepAt) return;
    for (const [name, kept] of this.#marks) if (keptUntil(kept) <= now) this.#marks.delete(name);
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#marks.size);
  }

  delete(job: JobName): void {
    const record = this.get(job)?.record;
    if (record) this.#marks.set(nameOf(job), { ...NO_MARK, record });
    else this.#marks.delete(nameOf(job));
  }

  /** Sets the record of a job, even if the job has no mark. */
  setRecord(job: JobName, record: JobRecord, now: number): void {
    this.set(job, { ...(this.get(job) ?? NO_MARK), record }, now);
  }

  /** Until when any of the marks must be kept. */
  get keptUntil(): number {
    return Math.max(0, ...[...this.#marks.values()].map(keptUntil));
  }

  toJSON(): Record<string, RunMark> {
    return Object.fromEntries(this.#marks);
  }
}

/** The name of the mark of a job. */
export function nameOf({ kind, job }: JobName): string {
  return `${kind}:${job}`;
}

/** Until when a mark and its record must be kept. */
export function keptUntil({ until, record }: RunMark): number {
  return Math.max(until, record?.until ?? 0);
}

/** The mark of a job, if it has not expired. */
export function liveMark(marks: RunMarks, job: JobName, now: number): RunMark | undefined {
  const mark = marks.get(job);
  return mark && mark.until > now ? mark : undefined;
}

/** Whether the claim was granted to this acquisition. */
export function isOwn(marks: RunMarks, claim: Claim, owner: string): boolean {
  const mark = marks.get(claim);
  return mark?.owner === owner && (claim.kind !== 'tick' || claim.time === mark.time);
}

/** A request with a claim. */
export type Claiming<R> = R & { readonly claim: Claim };

/**
 * Since when no tick of the job was granted: since the previous tick, or since the end of its run. Undefined if the
 * claim has no ticks, or if no earlier tick is known.
 */
function idleBefore(marks: RunMarks, claim: Claim, now: number): number | undefined {
  const mark = liveMark(marks, claim, now);
  if (claim.kind !== 'tick' || !claim.history || !mark) return undefined;
  if (claim.time <= mark.time || mark.time - now > EARLY_TOLERANCE) return undefined;
  // An owner that never began the tick has reported nothing.
  if (mark.owner === '' && mark.idleSince !== undefined) return mark.idleSince;
  return Math.max(mark.time, endOfTick(mark.record, mark.time) ?? 0);
}

/** The `idleSince` of the owner that was granted a tick, or was told that the tick passed. */
export function idleSinceFor(marks: RunMarks, claim: Claim, owner: string): number | undefined {
  const mark = marks.get(claim);
  return mark?.owner === owner ? mark.idleSince : undefined;
}

/** Marks a claim as granted. */
export function markGranted(marks: RunMarks, { claim, owner }: Claiming<AcquireRequest>, now: number): void {
  if (claim.byHand) return;
  const until = now + retentionFor(claim);
  // A key is marked when it is completed. An old mark that no longer counts would be reported at each grant.
  if (claim.kind === 'key') marks.delete(claim);
  // A tick that the same owner is granted again counts once.
  else if (claim.kind !== 'tick' || !isOwn(marks, claim, owner)) {
    const time = claim.kind === 'tick' ? claim.time : now;
    const state = claim.kind === 'tick' && claim.rerun ? attemptsAt(marks.get(claim), time) + 1 : 'done';
    const idleSince = idleBefore(marks, claim, now);
    marks.set(claim, { time, state, owner, idleSince, application: claim.application, until }, now);
  }
}

function attemptsAt(mark: RunMark | undefined, time: number): number {
  return mark?.time === time && typeof mark.state === 'number' ? mark.state : 0;
}

/** Records that a tick was given up, permanently: even if the acquisition that began it last turns out to be void. */
export function markGivenUp(marks: RunMarks, claim: Claim, now: number): void {
  const mark = marks.get(claim);
  if (mark) marks.set(claim, { ...mark, state: 'done', owner: '', idleSince: undefined }, now);
}

/**
 * Marks a tick that is due during a pause as granted: an operator did not want it, so it is not missed. Returns whether
 * anything has changed.
 */
export function markPaused(
  marks: RunMarks,
  { claim, owner }: Claiming<AcquireRequest>,
  now: number,
): boolean {
  const mark = liveMark(marks, claim, now);
  const latest = now + EARLY_TOLERANCE;
  if (claim.kind !== 'tick' || !mark || mark.time > latest || claim.time > latest || claim.time <= mark.time)
    return false;
  markPassed(marks, claim, owner, now);
  return true;
}

/** Records permanently that a tick is missed. Returns whether that was not known. */
export function markMissed(marks: RunMarks, claim: TickClaim, owner: string, now: number): boolean {
  if (isOwn(marks, claim, owner)) return false;
  markPassed(marks, claim, owner, now);
  if (claim.history) marks.setRecord(claim, withMissedTick(marks.get(claim)?.record, claim, now), now);
  return true;
}

function markPassed(marks: RunMarks, claim: TickClaim, owner: string, now: number): void {
  const { time, application } = claim;
  const idleSince = idleBefore(marks, claim, now);
  const until = now + retentionFor(claim);
  marks.set(claim, { time, state: 'passed', owner, idleSince, application, until }, now);
}

/**
 * Marks what became of the claim. `lock` says whether its owner still holds the lock. Returns whether anything has changed.
 */
export function markEnd(
  marks: RunMarks,
  { claim, owner, end }: Claiming<ReleaseRequest>,
  now: number,
  lock: OwnerReply,
): boolean {
  if (claim.byHand) return false;
  switch (end) {
    case 'completed':
      return markCompleted(marks, claim, owner, now, lock);
    case 'void':
      return isGrantedTo(owner, marks, claim) && unmarkGranted(marks, claim, now);
    case 'unfinished':
      return false;
  }
}

/** Marks a claim as completed, unless another owner has begun it again. */
function markCompleted(marks: RunMarks, claim: Claim, owner: string, now: number, lock: OwnerReply): boolean {
  if (!recordsCompletion(claim)) return false;
  const isOthers = claim.kind === 'key' ? lock === 'taken' : !isOwn(marks, claim, owner);
  if (isOthers && lock !== 'held') return false;
  const until = now + retentionFor(claim);
  const time = claim.kind === 'tick' ? claim.time : now;
  marks.set(claim, { time, state: 'done', owner: '', application: claim.application, until }, now);
  return true;
}

/** Whether the tick was granted to this owner, and not only reported to it as passed. */
function isGrantedTo(owner: string, marks: RunMarks, claim: Claim): boolean {
  return isOwn(marks, claim, owner) && marks.get(claim)?.state !== 'passed';
}

/** Removes the mark of a grant that led to no run. */
function unmarkGranted(marks: RunMarks, claim: Claim, now: number): true {
  const mark = marks.get(claim)!;
  // The previous gap was over when this one was granted, so no mark is needed.
  if (claim.kind === 'gap') marks.delete(claim);
  // Other owners began it before.
  else if (typeof mark.state === 'number' && mark.state > 1)
    marks.set(claim, { ...mark, state: mark.state - 1, owner: '' }, now);
  // The ticks before it stay done, and those that nobody was granted stay unreported.
  else marks.set(claim, { ...mark, time: mark.time - 1, state: 'done', owner: '' }, now);
  return true;
}
