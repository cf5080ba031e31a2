import { pauseAt, withMissedTick, type JobRecord } from './job-record.js';
import {
  BEHIND_TOLERANCE,
  EARLY_TOLERANCE,
  MAX_ATTEMPTS,
  recordsCompletion,
  retentionFor,
  type AcquireReply,
  type AcquireRequest,
  type Claim,
  type JobRequest,
  type MissedTick,
  type OwnerReply,
  type ReleaseRequest,
  type TickClaim,
} from './lock-store.js';

/** What a lock remembers of the last run of one job. */
export interface RunMark {
  /** The nominal time of the tick, or when the gap began or the key was completed; milliseconds since the epoch. */
  readonly time: number;
  /** How often the tick was granted without being completed so far; `done` if that does not count any more. */
  readonly state: number | 'done';
  /** The acquisition that was granted it; empty once that has ended as completed or void. */
  readonly owner: string;
  readonly application?: string | undefined;
  /** Until when it decides anything, milliseconds since the epoch. */
  readonly until: number;
  /** What else is known of the job. It is kept when the mark changes. */
  readonly record?: JobRecord | undefined;
}

/** Names one job of a lock. */
export type JobName = Omit<JobRequest, 'name'>;

/** Decides nothing. */
const NO_MARK: RunMark = { time: 0, state: 'done', owner: '', until: 0 };

/** What the marks say to a claim: a refusal, or that it may be granted. */
export type Ruling =
  | Extract<AcquireReply, { status: 'paused' | 'early' | 'behind' | 'done' }>
  | { readonly status: 'open'; readonly futureMark?: number | undefined };

/** Marks are removed when their time is over once there are this many, and whenever there are twice as many as then. */
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

  /** How many runs are recorded beside them. */
  get runs(): number {
    let runs = 0;
    for (const { record } of this.#marks.values()) runs += record?.runs.length ?? 0;
    return runs;
  }

  /** One whose time is over is nothing to go by, and may be there all the same. */
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

  /** Even if nothing is marked. */
  setRecord(job: JobName, record: JobRecord, now: number): void {
    this.set(job, { ...(this.get(job) ?? NO_MARK), record }, now);
  }

  /** Until when there is anything to remember. */
  get keptUntil(): number {
    return Math.max(0, ...[...this.#marks.values()].map(keptUntil));
  }

  toJSON(): Record<string, RunMark> {
    return Object.fromEntries(this.#marks);
  }
}

/** The name of its mark. */
export function nameOf({ kind, job }: JobName): string {
  return `${kind}:${job}`;
}

/** Until when the mark and the record with it are remembered. */
export function keptUntil({ until, record }: RunMark): number {
  return Math.max(until, record?.until ?? 0);
}

/** The mark, if its time is not over. */
export function liveMark(marks: RunMarks, job: JobName, now: number): RunMark | undefined {
  const mark = marks.get(job);
  return mark && mark.until > now ? mark : undefined;
}

/** Whether what is claimed was granted to this very acquisition. */
export function isOwn(marks: RunMarks, claim: Claim, owner: string): boolean {
  const mark = marks.get(claim);
  return mark?.owner === owner && (claim.kind !== 'tick' || claim.time === mark.time);
}

/** A request of something that is claimed. */
type Claiming<R> = R & { readonly claim: Claim };

/**
 * Rules 2 and 3 of `AcquireReply`. `now` is the store's clock; `isFree`: nobody else holds the lock, so an owner that began
 * the tick has not completed it.
 */
export function ruleOn(
  marks: RunMarks,
  { claim, owner }: Claiming<AcquireRequest>,
  now: number,
  isFree: boolean,
): Ruling {
  if (claim.byHand) return { status: 'open' };
  const pause = pauseAt(marks.get(claim)?.record, now);
  if (pause) return { status: 'paused', pause };
  const mark = liveMark(marks, claim, now);
  if (claim.kind === 'tick') {
    const by = claim.time - now;
    if (by > EARLY_TOLERANCE) return { status: 'early', by: Math.ceil(by) };
    // If ticks of the job were granted before, a tick after those is one that nobody has run.
    if (!mark && now - (claim.askedAt ?? Infinity) > BEHIND_TOLERANCE) return { status: 'behind' };
  }
  const isFuture = mark && mark.time - now > EARLY_TOLERANCE;
  // Its first reply was lost, and its lease has expired since.
  if (!isFuture && isOwn(marks, claim, owner)) return { status: 'open' };
  const ruling = isFuture
    ? ({ status: 'open', futureMark: mark.time } as const)
    : ruleByMark(mark, claim, now, isFree);
  if (claim.kind !== 'tick' || !claim.missed || ruling.status !== 'open') return ruling;
  return ruleOnMissed(isFuture ? undefined : mark, claim, claim.missed, now);
}

function ruleByMark(mark: RunMark | undefined, claim: Claim, now: number, isFree: boolean): Ruling {
  if (!mark) return { status: 'open' };
  const done = { status: 'done', application: mark.application } as const;
  switch (claim.kind) {
    case 'tick':
      if (claim.time > mark.time) return { status: 'open' };
      if (!isOpenAgain(mark, claim)) return done;
      return isFree && isUsedUp(mark, claim) ? { ...done, attempts: Number(mark.state) } : { status: 'open' };
    case 'gap':
      return now - mark.time < claim.gap ? done : { status: 'open' };
    case 'key':
      return done;
  }
}

/** Of a tick that may be granted. Without a mark it is not known whether it was granted. */
function ruleOnMissed(
  mark: RunMark | undefined,
  { time }: TickClaim,
  { within, next }: MissedTick,
  now: number,
): Ruling {
  const late = now - time;
  if (!mark || late >= next - now) return { status: 'done' };
  if (late <= within) return { status: 'open' };
  // If it was granted before, somebody has begun it.
  return time > mark.time ? { status: 'done', isMissed: true } : { status: 'done' };
}

function isOpenAgain(mark: RunMark, { time, rerun }: TickClaim): boolean {
  return rerun && time === mark.time && mark.state !== 'done';
}

function isUsedUp({ state }: RunMark, { maxAttempts = MAX_ATTEMPTS }: TickClaim): boolean {
  return state !== 'done' && state >= maxAttempts;
}

/** Marks what was granted. */
export function markGranted(marks: RunMarks, { claim, owner }: Claiming<AcquireRequest>, now: number): void {
  if (claim.byHand) return;
  const until = now + retentionFor(claim);
  // A key is marked when it is completed. A mark of it that decided nothing would be reported at each grant.
  if (claim.kind === 'key') marks.delete(claim);
  // It was granted this very tick before, which counts once.
  else if (claim.kind !== 'tick' || !isOwn(marks, claim, owner)) {
    const time = claim.kind === 'tick' ? claim.time : now;
    const state = claim.kind === 'tick' && claim.rerun ? attemptsAt(marks.get(claim), time) + 1 : 'done';
    marks.set(claim, { time, state, owner, application: claim.application, until }, now);
  }
}

function attemptsAt(mark: RunMark | undefined, time: number): number {
  return mark?.time === time && mark.state !== 'done' ? mark.state : 0;
}

/** Records that a tick was given up, for good: also if the acquisition that began it last turns out to be void. */
export function markGivenUp(marks: RunMarks, claim: Claim, now: number): void {
  const mark = marks.get(claim);
  if (mark) marks.set(claim, { ...mark, state: 'done', owner: '' }, now);
}

/**
 * A tick that comes due during a pause counts as granted: an operator did not want it, so nobody has missed it. Returns
 * whether anything has changed.
 */
export function markPaused(marks: RunMarks, claim: Claim, now: number): boolean {
  const mark = liveMark(marks, claim, now);
  const latest = now + EARLY_TOLERANCE;
  if (claim.kind !== 'tick' || !mark || mark.time > latest || claim.time > latest || claim.time <= mark.time)
    return false;
  const { time, application } = claim;
  marks.set(
    claim,
    { ...mark, time, state: 'done', owner: '', application, until: now + retentionFor(claim) },
    now,
  );
  return true;
}

/** Records that nobody runs a tick any more, for good. */
export function markMissed(marks: RunMarks, claim: TickClaim, now: number): void {
  const { time, application } = claim;
  const until = now + retentionFor(claim);
  const record = claim.history ? withMissedTick(marks.get(claim)?.record, claim, now) : undefined;
  marks.set(claim, { time, state: 'done', owner: '', application, until, record }, now);
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
      return isOwn(marks, claim, owner) && unmarkGranted(marks, claim, now);
    case 'unfinished':
      return false;
  }
}

/** Not if others have begun it anew. */
function markCompleted(marks: RunMarks, claim: Claim, owner: string, now: number, lock: OwnerReply): boolean {
  if (!recordsCompletion(claim)) return false;
  const isOthers = claim.kind === 'key' ? lock === 'taken' : !isOwn(marks, claim, owner);
  if (isOthers && lock !== 'held') return false;
  const until = now + retentionFor(claim);
  const time = claim.kind === 'tick' ? claim.time : now;
  marks.set(claim, { time, state: 'done', owner: '', application: claim.application, until }, now);
  return true;
}

/** Takes back that the claim was granted: it was not run. */
function unmarkGranted(marks: RunMarks, claim: Claim, now: number): true {
  const mark = marks.get(claim)!;
  // A gap was granted since the one before was long enough ago, and still is.
  if (claim.kind === 'gap') marks.delete(claim);
  // It was begun by others before.
  else if (mark.state !== 'done' && mark.state > 1)
    marks.set(claim, { ...mark, state: mark.state - 1, owner: '' }, now);
  // The ticks before it stay done.
  else marks.set(claim, { ...mark, time: mark.time - 1, state: 'done', owner: '' }, now);
  return true;
}
