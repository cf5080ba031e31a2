import type { LockState } from '../core/lock-manager.js';
import type { Paused } from '../core/outcome.js';
import type { JobWithRuns, JobsOverview, Replica, Run } from '../locks/job-types.js';
import type {
  BoardJob,
  BoardLock,
  BoardPause,
  BoardReplica,
  BoardRun,
  BoardTimelineRun,
  RunState,
} from './board-json.js';
import { scheduleInWords } from './schedule-in-words.js';

/** How many runs the strip of a job shows. */
const STRIP = 20;
/** From how many milliseconds after its tick a run counts as late. */
const LATE = 10_000;
/** How far back the timeline goes, in milliseconds. */
const TIMELINE = 15 * 60_000;
const MOST_RUNS = 1000;
const LONGEST_CONTENTS = 200;

/** Names each job within one answer. Two versions of a start hook have the same names. */
export function idsOf(jobs: readonly JobWithRuns[]): string[] {
  const seen = new Map<string, number>();
  return jobs.map(({ name, job }) => {
    const id = name === job ? name : `${name} / ${job}`;
    const count = (seen.get(id) ?? 0) + 1;
    seen.set(id, count);
    return count === 1 ? id : `${id} (${count})`;
  });
}

export function jobJson(job: JobWithRuns, id: string, own: string): BoardJob {
  const { name, method, role, expression, timeZone, nextTick, lastTick, paused, lastRun, replicas, runs } =
    job;
  const isPausable = role !== 'start hook' && role !== 'timeout';
  return {
    id,
    name,
    job: job.job,
    method,
    role,
    schedule: { expression, words: scheduleInWords(role, expression), timeZone },
    nextTick: iso(nextTick),
    lastTick: iso(lastTick),
    paused: paused && pauseJson(paused),
    state: paused ? 'paused' : lastRun ? stateOf(lastRun) : 'none',
    lastRun: lastRun && runJson(lastRun),
    history: runs.slice(0, STRIP).map(stateOf).toReversed(),
    replicas,
    can: { pause: isPausable, run: role !== 'start hook' && replicas.includes(own) },
  };
}

export function runJson(run: Run): BoardRun {
  const { tick, replica, fencingToken, started, duration, outcome, error, missed, byHand } = run;
  return {
    state: stateOf(run),
    outcome,
    tick: iso(tick),
    replica,
    fencingToken,
    started: started.toISOString(),
    duration,
    late: latenessOf(run),
    missed,
    byHand,
    error,
  };
}

/** The runs of the last minutes, the newest first. */
export function timelineOf({ jobs, now }: JobsOverview, ids: readonly string[]): BoardTimelineRun[] {
  const since = now.getTime() - TIMELINE;
  return jobs
    .flatMap(({ runs }, i) =>
      runs.filter((run) => isOnTimeline(run, since)).map((run) => ({ run, job: ids[i] })),
    )
    .toSorted((a, b) => b.run.started.getTime() - a.run.started.getTime())
    .slice(0, MOST_RUNS)
    .map(({ run, job }) => ({
      job,
      replica: run.replica,
      state: stateOf(run),
      fencingToken: run.fencingToken,
      started: run.started.toISOString(),
      duration: run.duration,
    }));
}

export function replicaJson(replica: Replica): BoardReplica {
  const { application, version, started, lastSeen, ahead, jobs } = replica;
  return {
    replica: replica.replica,
    application,
    version,
    started: started.toISOString(),
    lastSeen: iso(lastSeen),
    ahead,
    jobs: jobs.length,
  };
}

export function lockJson({ name, holder, remaining, fencingToken, waiters }: LockState): BoardLock {
  const { replica, application, host, pid, since, occurrence, contents, raw } = holder;
  return {
    name,
    replica,
    application,
    host,
    pid,
    since: iso(since),
    occurrence,
    contents: shortened(raw ?? (contents === undefined ? undefined : JSON.stringify(contents))),
    remaining: Number.isFinite(remaining) ? Math.round(remaining) : null,
    fencingToken,
    waiters,
  };
}

function stateOf(run: Run): RunState {
  const isLate = run.missed || (latenessOf(run) ?? 0) > LATE;
  return run.outcome === 'succeeded' && isLate ? 'late' : run.outcome;
}

function latenessOf({ tick, started, outcome }: Run): number | undefined {
  return tick && outcome !== 'missed' ? Math.max(0, started.getTime() - tick.getTime()) : undefined;
}

/** A tick that nobody ran has no place on the line of a replica. */
function isOnTimeline({ outcome, started }: Run, since: number): boolean {
  return outcome === 'running' || (outcome !== 'missed' && started.getTime() >= since);
}

function pauseJson({ reason, by, since, until }: Paused): BoardPause {
  return { reason, by, since: since.toISOString(), until: iso(until) };
}

function shortened(text: string | undefined): string | undefined {
  return text !== undefined && text.length > LONGEST_CONTENTS ? `${text.slice(0, LONGEST_CONTENTS)}…` : text;
}

/** Undefined for the Date of a holder of another version that cannot be read. */
function iso(date: Date | undefined): string | undefined {
  return date && !Number.isNaN(date.getTime()) ? date.toISOString() : undefined;
}
