import { pauseAt } from './job-record.js';
import {
  BEHIND_TOLERANCE,
  EARLY_TOLERANCE,
  MAX_ATTEMPTS,
  type AcquireReply,
  type AcquireRequest,
  type Claim,
  type MissedTick,
  type TickClaim,
} from './lock-store.js';
import { isOwn, liveMark, type Claiming, type RunMark, type RunMarks } from './run-marks.js';

/** What the marks say to a claim: a refusal, or that it may be granted. */
export type Ruling =
  | Extract<AcquireReply, { status: 'paused' | 'early' | 'behind' | 'done' }>
  | { readonly status: 'open'; readonly futureMark?: number | undefined };

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
  // Its first reply was lost, and if it had a lease, that has expired since.
  if (!isFuture && isOwn(marks, claim, owner))
    return mark?.state === 'passed' ? { status: 'done', isMissed: true } : { status: 'open' };
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
  return rerun && time === mark.time && typeof mark.state === 'number';
}

function isUsedUp({ state }: RunMark, { maxAttempts = MAX_ATTEMPTS }: TickClaim): boolean {
  return typeof state === 'number' && state >= maxAttempts;
}
