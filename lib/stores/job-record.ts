import {
  TICK_RETENTION,
  type AcquireRequest,
  type Claim,
  type EndOfRun,
  type JobPause,
  type RunRecord,
} from './lock-store.js';

/** What an embedded store keeps of a job beside its mark. */
export interface JobRecord {
  readonly pause?: JobPause | undefined;
  /** The newest first. */
  readonly runs: readonly KeptRun[];
  /** Until when it is kept, milliseconds since the epoch. */
  readonly until: number;
}

interface KeptRun extends RunRecord {
  /** The acquisition that was granted it, until it says how it has ended. */
  readonly owner?: string | undefined;
}

/** A moment that never comes, and can be written as JSON. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/** The pause of the job, if it is not over. */
export function pauseAt(record: JobRecord | undefined, now: number): JobPause | undefined {
  const pause = record?.pause;
  return pause && (pause.until ?? NEVER) > now ? pause : undefined;
}

/** Records a grant. */
export function withRun(
  record: JobRecord | undefined,
  { claim, owner }: AcquireRequest & { claim: Claim },
  fencingToken: number,
  now: number,
): JobRecord {
  const run: KeptRun = {
    ...(claim.kind === 'tick' && !claim.byHand && { tick: claim.time }),
    ...startedNow(claim, now),
    fencingToken,
    owner,
    outcome: 'running',
    ...(claim.byHand ? { by: 'hand' } : claim.kind === 'tick' && claim.missed && { by: 'missed' }),
  };
  // This owner never got the reply to an earlier grant.
  const others = (record?.runs ?? []).filter((other) => other.owner !== owner);
  return recordOf(record, bounded([run, ...others], claim), now);
}

/** Records a tick that nobody will run. */
export function withMissedTick(
  record: JobRecord | undefined,
  claim: Extract<Claim, { kind: 'tick' }>,
  now: number,
): JobRecord {
  const run: KeptRun = { tick: claim.time, ...startedNow(claim, now), fencingToken: 0, outcome: 'missed' };
  return recordOf(record, bounded([run, ...(record?.runs ?? [])], claim), now);
}

/** When the run of a tick has ended; undefined if that is not known. */
export function endOfTick(record: JobRecord | undefined, tick: number): number | undefined {
  const run = record?.runs.find((other) => other.tick === tick);
  return run?.duration === undefined ? undefined : run.started + run.duration;
}

/** Records how a run has ended, once. */
export function withEnd(
  record: JobRecord,
  { fencingToken, outcome, duration: took, error }: EndOfRun,
  now: number,
): JobRecord {
  const runs = record.runs.map((run) => {
    if (run.fencingToken !== fencingToken || run.owner === undefined) return run;
    const { owner: _, ...rest } = run;
    const duration = took ?? Math.max(0, Math.floor(now) - run.started);
    return { ...rest, duration, outcome, ...(error !== undefined && { error }) };
  });
  return recordOf(record, runs, now);
}

/** Removes the run that this owner was granted and never began. */
export function withoutRunOf(record: JobRecord, owner: string, now: number): JobRecord {
  return recordOf(
    record,
    record.runs.filter((run) => run.owner !== owner),
    now,
  );
}

export function withPause(record: JobRecord | undefined, pause: JobPause | null, now: number): JobRecord {
  const runs = record?.runs ?? [];
  return recordOf({ pause: pause ?? undefined, runs, until: 0 }, runs, now);
}

/** The runs as they are told: one whose holder does not hold the lock any more, by `heldToken`, was abandoned. */
export function runsOf(record: JobRecord | undefined, heldToken: number | undefined): RunRecord[] {
  return (record?.runs ?? []).map((run) => {
    const { owner: _, ...told } = run.fencingToken === heldToken ? run : abandoned(run);
    return told;
  });
}

function startedNow({ replica = '' }: Claim, now: number): Pick<RunRecord, 'replica' | 'started'> {
  return { replica, started: Math.floor(now) };
}

function abandoned(run: KeptRun): KeptRun {
  return run.outcome === 'running' ? { ...run, outcome: 'abandoned' } : run;
}

function bounded(runs: readonly KeptRun[], { history = 0 }: Claim): readonly KeptRun[] {
  return runs.slice(0, history);
}

/** Kept until 35 days after the last change, and at least until the pause is over. */
function recordOf(record: JobRecord | undefined, runs: readonly KeptRun[], now: number): JobRecord {
  const pause = pauseAt(record, now);
  const until = Math.max(now + TICK_RETENTION, pause ? (pause.until ?? NEVER) : 0);
  return { ...(pause && { pause }), runs, until };
}
