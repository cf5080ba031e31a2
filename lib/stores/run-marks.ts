import { BEHIND_TOLERANCE, type Claim, type TickClaim } from './lock-store.js';

/** What a lock remembers of runs: the names of the marks are those of the fields that Redis keeps. */
export type RunMarks = Record<Mark, number>;

/**
 * - `tick`: the last tick of the series that was granted; `ran`: the last that was completed
 * - `gap`: when the series was last granted
 * - `key`: until when it is remembered that this was completed
 */
// With the kind before it: a bare series could be `__proto__`.
type Mark = `${'tick' | 'ran' | 'gap' | 'key'}:${string}`;

/** Whether what is claimed was run before, or must not be run yet. `now` is the store's, milliseconds since the epoch. */
export function isDone(marks: RunMarks, claim: Claim, now: number): boolean {
  switch (claim.kind) {
    case 'tick':
      return tickIsDone(marks, claim);
    case 'gap': {
      const since = now - (marks[`gap:${claim.series}`] ?? -Infinity);
      // A start in the future is one from before the store's clock was set back.
      return since >= 0 && since < claim.gap;
    }
    case 'key':
      return now < (marks[`key:${claim.series}`] ?? -Infinity);
  }
}

function tickIsDone(marks: RunMarks, { series, time, rerun }: TickClaim): boolean {
  const granted = marks[`tick:${series}`] ?? -Infinity;
  if (!rerun || time !== granted) return time <= granted;
  return time <= (marks[`ran:${series}`] ?? -Infinity);
}

/**
 * Whether a first tick is asked for by a clock that is late: it may be one of the past. Where ticks of the series were
 * granted before, a tick after those is one that nobody has run.
 */
export function isBehind(marks: RunMarks, { series, askedAt = Infinity }: TickClaim, now: number): boolean {
  return marks[`tick:${series}`] === undefined && now - askedAt > BEHIND_TOLERANCE;
}

/** Takes back that the claim was granted: it was not run. */
export function unmarkGranted(marks: RunMarks, claim: Claim): void {
  if (claim.kind === 'tick') marks[`tick:${claim.series}`] = claim.time - 1;
  // It was granted since the one before was long enough ago, and still is.
  if (claim.kind === 'gap') delete marks[`gap:${claim.series}`];
}

/** Records that the claim was granted. */
export function markGranted(marks: RunMarks, claim: Claim, now: number): void {
  if (claim.kind === 'tick') marks[`tick:${claim.series}`] = claim.time;
  if (claim.kind === 'gap') marks[`gap:${claim.series}`] = now;
}

/** Records that the claim was run to its end, and forgets the keys whose time is over. */
export function markCompleted(marks: RunMarks, claim: Claim, now: number): void {
  if (claim.kind === 'tick') marks[`ran:${claim.series}`] = claim.time;
  if (claim.kind !== 'key') return;
  for (const mark of Object.keys(marks) as Mark[]) {
    if (mark.startsWith('key:') && marks[mark] <= now) delete marks[mark];
  }
  marks[`key:${claim.series}`] = now + claim.remember;
}
