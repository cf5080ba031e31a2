// What the board answers: the JSON that docs/board.md describes. Times are ISO 8601, durations milliseconds. What is not known
// is left out.
import type { JobRole } from '../core/local-jobs.js';
import type { RunOutcome } from '../stores/lock-store.js';

/**
 * How a run went, in one word: its outcome, or `late` if it succeeded and was more than 10 seconds late, or was the run of
 * a missed tick.
 */
export type RunState = RunOutcome | 'late';

/** The answer to `GET <path>/api/overview`. */
export interface BoardOverview {
  /** The time of the store. */
  readonly now: string;
  /** The replica that answers. Absent if the store keeps no runs. */
  readonly replica?: string;
  /** Whether this board has actions. */
  readonly actions: boolean;
  /** For the header `x-exclusive-lock-token` of actions, which also need the cookie that came with it. */
  readonly token?: string;
  readonly jobs: readonly BoardJob[];
  /** The locks that are held: 500 at most. */
  readonly locks: readonly BoardLock[];
  /** Whether more locks are held than are listed. */
  readonly moreLocks: boolean;
  /** When the locks were listed: a listing that takes long is not made at each request. */
  readonly locksAt: string;
  readonly replicas: readonly BoardReplica[];
  /** The runs that began in the last 15 minutes, and those that run: the newest first, 1000 at most. */
  readonly runs: readonly BoardTimelineRun[];
  /** What the store cannot do, in sentences. */
  readonly notes: readonly string[];
}

export interface BoardJob {
  /** Names the job within this answer. */
  readonly id: string;
  /** The name of its lock. */
  readonly name: string;
  readonly job: string;
  /** `Class.method`. */
  readonly method: string;
  readonly role: JobRole;
  readonly schedule: BoardSchedule;
  readonly nextTick?: string | undefined;
  readonly lastTick?: string | undefined;
  readonly paused?: BoardPause | undefined;
  /** How the last run went, or `paused`; `none` if no run is known. */
  readonly state: RunState | 'paused' | 'none';
  readonly lastRun?: BoardRun | undefined;
  /** How the last runs went, the oldest first, 20 at most. */
  readonly history: readonly RunState[];
  /** The replicas that have the job, the one that answers first. */
  readonly replicas: readonly string[];
  /** Which actions the replica that answers can take. */
  readonly can: { readonly pause: boolean; readonly run: boolean };
}

export interface BoardSchedule {
  /** The cron expression, or the period of an interval. */
  readonly expression?: string | undefined;
  /** The same in words, if there are simple ones. */
  readonly words?: string | undefined;
  readonly timeZone?: string | undefined;
}

export interface BoardPause {
  readonly reason: string;
  readonly by: string;
  readonly since: string;
  readonly until?: string | undefined;
}

export interface BoardRun {
  readonly state: RunState;
  readonly outcome: RunOutcome;
  readonly tick?: string | undefined;
  readonly replica: string;
  readonly fencingToken: number;
  readonly started: string;
  /** Absent while it runs, and if it was abandoned or missed. */
  readonly duration?: number | undefined;
  /** How long after its tick it began. */
  readonly late?: number | undefined;
  readonly missed: boolean;
  readonly byHand: boolean;
  readonly error?: string | undefined;
}

/** A run for the timeline. */
export interface BoardTimelineRun {
  /** The `id` of the job. */
  readonly job: string;
  readonly replica: string;
  readonly state: RunState;
  readonly fencingToken: number;
  readonly started: string;
  readonly duration?: number | undefined;
}

export interface BoardLock {
  readonly name: string;
  /** Of the holder. Absent if another program took the lock. */
  readonly replica?: string | undefined;
  readonly application?: string | undefined;
  readonly host?: string | undefined;
  readonly pid?: number | undefined;
  readonly since?: string | undefined;
  /** The run that the lock was taken for. */
  readonly occurrence?: string | undefined;
  /** The contents of the lock as JSON, or the text of another program; 200 characters at most. */
  readonly contents?: string | undefined;
  /** Milliseconds until the lock expires unless it is renewed; null if it never does. */
  readonly remaining: number | null;
  readonly fencingToken?: number | undefined;
  readonly waiters?: number | undefined;
}

export interface BoardReplica {
  readonly replica: string;
  readonly application?: string | undefined;
  readonly version?: string | undefined;
  readonly started: string;
  /** When it last made itself known, which it does once a minute. */
  readonly lastSeen?: string | undefined;
  /** By how many milliseconds its clock is ahead of the store's. */
  readonly ahead?: number | undefined;
  /** How many jobs it has. */
  readonly jobs: number;
}

/** The answer to `GET <path>/api/runs`. */
export interface BoardRuns {
  /** The newest first. */
  readonly runs: readonly BoardRun[];
}

/** The answer to an action that was taken. */
export interface BoardActed {
  readonly status: 'done' | 'started' | 'ran' | 'lost' | 'skipped';
  /** Why the run was skipped. */
  readonly reason?: string | undefined;
  /** The replica that holds the lock, if the run was skipped for that. */
  readonly holder?: string | undefined;
}
