import {
  BEHIND_TOLERANCE,
  EARLY_TOLERANCE,
  MAX_ATTEMPTS,
  recordsCompletion,
  retentionFor,
  type AcquireReply,
  type AcquireRequest,
  type Claim,
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
  /** Until when it is kept, milliseconds since the epoch. */
  readonly until: number;
}

/** What the marks say to a claim: a refusal, or that it may be granted. */
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

/** Whether what is claimed was granted to this very acquisition. */
export function isOwn(marks: RunMarks, claim: Claim, owner: string): boolean {
  const mark = marks.get(claim);
  return mark?.owner === owner && (claim.kind !== 'tick' || claim.time === mark.time);
}

/** A request of something that is claimed. */
type Claiming<R> = R & { readonly claim: Claim };

/**
 * Rules 2 and 3 of `AcquireReply`. `now` is the store's clock; `isFree`: nobody else holds the lock, so whoever has begun
 * the tick has not completed it.
 */
export function ruleOn(
  marks: RunMarks,
  { claim, owner }: Claiming<AcquireRequest>,
  now: number,
  isFree: boolean,
): Ruling {
  const mark = marks.get(claim);
  if (claim.kind === 'tick') {
    const by = claim.time - now;
    if (by > EARLY_TOLERANCE) return { status: 'early', by: Math.ceil(by) };
    // If ticks of the job were granted before, a tick after those is one that nobody has run.
    if (!mark && now - (claim.askedAt ?? Infinity) > BEHIND_TOLERANCE) return { status: 'behind' };
  }
  if (!mark || mark.until <= now) return { status: 'open' };
  if (mark.time - now > EARLY_TOLERANCE) return { status: 'open', futureMark: mark.time };
  // Its first reply was lost, and its lease has expired since.
  if (isOwn(marks, claim, owner)) return { status: 'open' };
  return ruleByMark(mark, claim, now, isFree);
}

function ruleByMark(mark: RunMark, claim: Claim, now: number, isFree: boolean): Ruling {
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
export function markGranted(marks: RunMarks, request: Claiming<AcquireRequest>, now: number): number {
  const { claim, owner } = request;
  const until = now + retentionFor(claim);
  // A key is marked when it is completed. A mark of it that decided nothing would be reported at each grant.
  if (claim.kind === 'key') marks.delete(claim);
  // It was granted this very tick before, which counts once.
  else if (claim.kind === 'tick' && isOwn(marks, claim, owner)) return until;
  else {
    const time = claim.kind === 'tick' ? claim.time : now;
    const state = claim.kind === 'tick' && claim.rerun ? attemptsAt(marks.get(claim), time) + 1 : 'done';
    marks.set(claim, { time, state, owner, application: claim.application, until }, now);
  }
  return until;
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
 * Records what became of the claim. `lock` says whether its owner still holds the lock. Returns until when that is
 * remembered; undefined if nothing is recorded.
 */
export function markEnd(
  marks: RunMarks,
  { claim, owner, end }: Claiming<ReleaseRequest>,
  now: number,
  lock: OwnerReply,
): number | undefined {
  switch (end) {
    case 'completed':
      return markCompleted(marks, claim, owner, now, lock);
    case 'void':
      return isOwn(marks, claim, owner) ? unmarkGranted(marks, claim, now) : undefined;
    case 'unfinished':
      return undefined;
  }
}

/** Not if others have begun it anew. */
function markCompleted(
  marks: RunMarks,
  claim: Claim,
  owner: string,
  now: number,
  lock: OwnerReply,
): number | undefined {
  if (!recordsCompletion(claim)) return undefined;
  const isOthers = claim.kind === 'key' ? lock === 'taken' : !isOwn(marks, claim, owner);
  if (isOthers && lock !== 'held') return undefined;
  const until = now + retentionFor(claim);
  const time = claim.kind === 'tick' ? claim.time : now;
  marks.set(claim, { time, state: 'done', owner: '', application: claim.application, until }, now);
  return until;
}

/** Takes back that the claim was granted: it was not run. */
function unmarkGranted(marks: RunMarks, claim: Claim, now: number): number {
  const mark = marks.get(claim)!;
  // A gap was granted since the one before was long enough ago, and still is.
  if (claim.kind === 'gap') marks.delete(claim);
  // It was begun by others before.
  else if (mark.state !== 'done' && mark.state > 1)
    marks.set(claim, { ...mark, state: mark.state - 1, owner: '' }, now);
  // The ticks before it stay done.
  else marks.set(claim, { ...mark, time: mark.time - 1, state: 'done', owner: '' }, now);
  return mark.until;
}
