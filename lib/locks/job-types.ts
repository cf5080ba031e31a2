import type { JobRole } from '../core/local-jobs.js';
import type { Paused } from '../core/outcome.js';
import type { RunOutcome } from '../stores/lock-store.js';

/** A job and its state. */
export interface Job {
  /** The name of its lock. */
  readonly name: string;
  /** The name under which its runs are recorded; see docs/scheduled-jobs.md. */
  readonly job: string;
  /** `Class.method`. */
  readonly method: string;
  /** What calls it. `method`: no scheduler does. */
  readonly role: JobRole;
  /** The cron expression, or the period of an interval or timeout. */
  readonly expression: string | undefined;
  /** The time zone of the cron expression. */
  readonly timeZone: string | undefined;
  /**
   * When the next tick is due; undefined if the job has no ticks or is stopped. For a job that only other replicas
   * have, it is also undefined for up to a minute after a tick.
   */
  readonly nextTick: Date | undefined;
  /** The last tick that ran or counts as run. */
  readonly lastTick: Date | undefined;
  /** Who paused the job and why; undefined if it is not paused. */
  readonly paused: Paused | undefined;
  /** The latest run; undefined if none is known. */
  readonly lastRun: Run | undefined;
  /** The names of the replicas that have the job. If this replica has it, it comes first. */
  readonly replicas: readonly string[];
}

/** One run of a job. Times are by the store's clock. */
export interface Run {
  /** The tick that it ran for. */
  readonly tick: Date | undefined;
  /** The name of the replica that ran it. */
  readonly replica: string;
  /** The fencing token of its lease; 0 for a missed tick. */
  readonly fencingToken: number;
  readonly started: Date;
  /** Milliseconds; undefined while it runs, and if it was abandoned or missed. */
  readonly duration: number | undefined;
  /**
   * - `running`: it has begun, and its replica holds the lock;
   * - `succeeded`, `failed`: its work returned or threw;
   * - `lost`: its work ended after the lock was lost;
   * - `abandoned`: its replica died, or never reported how it ended;
   * - `missed`: no replica ran the tick, and it is now too late.
   */
  readonly outcome: RunOutcome;
  /** The first line of the error's message, 180 bytes at most. */
  readonly error: string | undefined;
  /** Whether it was a missed tick, which ran late or not at all. */
  readonly missed: boolean;
  /** Whether it was started with `run()`. */
  readonly byHand: boolean;
}

/** A job with its runs. */
export interface JobWithRuns extends Job {
  /** The last runs, the newest first; the option `history` says how many. */
  readonly runs: readonly Run[];
}

/** The jobs and replicas at one moment. */
export interface JobsOverview {
  /** The store's time. */
  readonly now: Date;
  /** The name of this replica. */
  readonly replica: string;
  readonly jobs: readonly JobWithRuns[];
  readonly replicas: readonly Replica[];
}

/** A replica that has published itself. */
export interface Replica {
  readonly replica: string;
  readonly application: string | undefined;
  readonly version: string | undefined;
  readonly started: Date;
  /** When it last published itself, which it does once a minute. By the store's clock, if `ahead` is known. */
  readonly lastSeen: Date | undefined;
  /** Milliseconds by which its clock is ahead of the store's; undefined until it is measured. */
  readonly ahead: number | undefined;
  /** The names of its jobs. */
  readonly jobs: readonly string[];
}

/** Names a job: `job` alone, or together with the name of its lock if two locks have a job of that name. */
export type JobName = string | { readonly name: string; readonly job: string };

/** Options of `pause`. */
export interface PauseOptions {
  /** The reason, shown to others. */
  readonly reason: string;
  /** The name of the person or program that pauses it. */
  readonly by: string;
  /**
   * When the pause ends by itself.
   *
   * @default none: the pause lasts until `resume()`
   */
  readonly until?: Date | undefined;
}
