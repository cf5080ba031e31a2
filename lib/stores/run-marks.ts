import {
  BEHIND_TOLERANCE,
  EARLY_TOLERANCE,
  MAX_ATTEMPTS,
  retentionFor,
  type AcquireReply,
  type AcquireRequest,
  type Claim,
  type KeyClaim,
  type ReleaseRequest,
  type TickClaim,
} from './lock-store.js';
import { beginningOf } from './owner-token.js';

/** What a lock remembers of the last run of one job. */
export interface RunMark {
  /** The nominal time of the tick, or when the gap began or the key was completed; milliseconds since the epoch. */
  readonly time: number;
  /** How often the tick was granted without being completed so far; `done` where none of that counts any more. */
  readonly state: number | 'done';
  /** How the record begins that made it; empty when that was undone. */
  readonly owner: string;
  readonly application?: string | undefined;
  /** Until when it is kept, milliseconds since the epoch. */
  readonly until: number;
}

/** What the marks say to a claim: an answer, or that it may be granted. */
export type Ruling =
  | Extract<AcquireReply, { status: 'early' | 'behind' | 'done' }>
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

  get(claim: Claim): RunMark | undefined {
    return this.#marks.get(nameOf(claim));
  }

  set(claim: Claim, mark: RunMark, now: number): void {
    this.#marks.set(nameOf(claim), mark);
    if (this.#marks.size < this.#sweepAt) return;
    for (const [name, { until }] of this.#marks) if (until <= now) this.#marks.delete(name);
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#marks.size);
  }

  delete(claim: Claim): void {
    this.#marks.delete(nameOf(claim));
  }

  toJSON(): Record<string, RunMark> {
    return Object.fromEntries(this.#marks);
  }
}

/** The name of its mark. */
export function nameOf({ kind, job }: Claim): string {
  return `${kind}:${job}`;
}

/** Whether the mark of what is claimed was made by this very acquisition. Completed keys alone are marked. */
export function isOwn(marks: RunMarks, claim: Claim, record: string): boolean {
  return claim.kind !== 'key' && marks.get(claim)?.owner === beginningOf(record);
}

/**
 * Rules 2 and 3 of `AcquireReply`. `now` is the store's clock; `isFree`: nobody else holds the lock, so whoever has begun
 * the tick has not completed it.
 */
export function ruleOn(marks: RunMarks, claim: Claim, now: number, isFree: boolean): Ruling {
  const mark = marks.get(claim);
  if (claim.kind === 'tick') {
    const by = claim.time - now;
    if (by > EARLY_TOLERANCE) return { status: 'early', by: Math.ceil(by) };
    // Where ticks of the job were granted before, a tick after those is one that nobody has run.
    if (!mark && now - (claim.askedAt ?? Infinity) > BEHIND_TOLERANCE) return { status: 'behind' };
  }
  if (!mark || mark.until <= now) return { status: 'open' };
  if (mark.time - now > EARLY_TOLERANCE) return { status: 'open', futureMark: mark.time };
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

function isOpenAgain(mark: RunMark, { time, rerun }: TickClaim): boolean {
  return rerun && time === mark.time && mark.state !== 'done';
}

function isUsedUp({ state }: RunMark, { maxAttempts = MAX_ATTEMPTS }: TickClaim): boolean {
  return state !== 'done' && state >= maxAttempts;
}

/** Records that the claim was granted. Returns until when that is remembered. */
export function markGranted(
  marks: RunMarks,
  request: AcquireRequest & { claim: Claim },
  now: number,
): number {
  const { claim, record } = request;
  const before = marks.get(claim);
  const until = now + retentionFor(claim);
  // Of a key what is completed is marked. A mark that decided nothing would be told at each grant.
  if (claim.kind === 'key') marks.delete(claim);
  else {
    const time = claim.kind === 'tick' ? claim.time : now;
    const state = claim.kind === 'tick' && claim.rerun ? attemptsAt(before, time) + 1 : 'done';
    marks.set(claim, { time, state, owner: beginningOf(record), application: claim.application, until }, now);
  }
  return until;
}

function attemptsAt(mark: RunMark | undefined, time: number): number {
  return mark?.time === time && mark.state !== 'done' ? mark.state : 0;
}

/** Records that a tick was given up, for good: also if the last to begin it is undone. */
export function markGivenUp(marks: RunMarks, claim: Claim, now: number): void {
  const mark = marks.get(claim);
  if (mark) marks.set(claim, { ...mark, state: 'done', owner: '' }, now);
}

/** Takes back that the claim was granted to this acquisition: it was not run. Returns whether it was. */
export function unmarkGranted(marks: RunMarks, claim: Claim, record: string, now: number): boolean {
  if (!isOwn(marks, claim, record)) return false;
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

/** What is marked when it was run to its end: that others were granted the rest is mark enough. */
export function marksCompletion(claim: Claim | undefined): claim is KeyClaim | TickClaim {
  return claim?.kind === 'key' || (claim?.kind === 'tick' && claim.rerun);
}

/**
 * Records that the claim was run to its end. Returns until when that is remembered; undefined where it is not recorded,
 * since others have begun it anew.
 */
export function markCompleted(
  marks: RunMarks,
  { record, completed }: ReleaseRequest,
  now: number,
  lock: 'held' | 'taken' | 'vanished',
): number | undefined {
  if (!marksCompletion(completed)) return undefined;
  const mayMark =
    lock === 'held' || (completed.kind === 'key' ? lock === 'vanished' : isOwn(marks, completed, record));
  if (!mayMark) return undefined;
  const until = now + retentionFor(completed);
  const time = completed.kind === 'tick' ? completed.time : now;
  const { application } = completed;
  marks.set(completed, { time, state: 'done', owner: beginningOf(record), application, until }, now);
  return until;
}
