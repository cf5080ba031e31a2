import type {
  Claim,
  EndOfRun,
  JobPause,
  JobRequest,
  JobState,
  RunOutcome,
  RunRecord,
} from '../lock-store.js';
import { holderIn } from './holder-text.js';

// What is known of a job, as scripts/job-record.lua describes it.

/** The argument of acquire.lua for a claim of which a record is kept. */
export function historyArgument({ history = 0, replica = '' }: Claim): string {
  return history > 0 ? `${history} ${oneLine(replica)}` : '';
}

/** The argument of acquire.lua for a tick that was missed. */
export function missedArgument(claim: Claim): string {
  if (claim.kind !== 'tick' || !claim.missed) return '';
  const { within, next } = claim.missed;
  return `${within} ${next}`;
}

/** The argument of release.lua for a run that is recorded. */
export function endArgument(run: EndOfRun | undefined): string {
  return run ? [run.fencingToken, run.outcome, run.duration ?? '', oneLine(run.error ?? '')].join('\t') : '';
}

/** The argument of pause.lua. */
export function pauseArgument(pause: JobPause | null): string {
  return pause ? `${Math.ceil(pause.until ?? 0)} ${JSON.stringify(pause)}` : '';
}

/** What read-jobs.lua says of a job. */
export function jobState(
  { kind }: JobRequest,
  lock: string | null,
  record: string | null,
  now: number,
): JobState {
  const [time = '', , , , pause = '', ...lines] = record?.split('\n') ?? [];
  const heldToken = lock === null ? undefined : holderIn(lock).fencingToken;
  return {
    lastTick: kind === 'tick' && time !== '' ? Number(time) : undefined,
    pause: pauseAt(pause, now),
    runs: lines.map((line) => runIn(line, heldToken)),
  };
}

function pauseAt(line: string, now: number): JobPause | undefined {
  const [, until, pause] = /^(\d+) (.*)$/.exec(line) ?? [];
  return pause !== undefined && (until === '0' || Number(until) > now)
    ? (JSON.parse(pause) as JobPause)
    : undefined;
}

/** One whose holder does not hold the lock any more has been abandoned. */
function runIn(line: string, heldToken: number | undefined): RunRecord {
  const [token, , outcome, duration, error, started, tick, by, replica] = line.split('\t');
  const fencingToken = Number(token);
  const isLost = outcome === 'running' && fencingToken !== heldToken;
  return {
    ...(tick && { tick: Number(tick) }),
    replica,
    fencingToken,
    started: Number(started),
    ...(duration && { duration: Number(duration) }),
    outcome: isLost ? 'abandoned' : (outcome as RunOutcome),
    ...(error && { error }),
    ...(by && { by: by as RunRecord['by'] }),
  };
}

/** Lines and tabs separate what is recorded. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
