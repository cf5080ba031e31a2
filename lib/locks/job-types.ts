import type { JobRole } from '../core/local-jobs.js';
import type { Paused } from '../core/outcome.js';
import type { RunOutcome } from '../stores/lock-store.js';

/** A job, and what is known of it. */
export interface Job {
  /** The name of its lock. */
  readonly name: string;
  /** What its runs are known by; see docs/scheduled-jobs.md. */
  readonly job: string;
  /** `Class.method`. */
  readonly method: string;
  /** Who calls it. `method`: no scheduler does. */
  readonly role: JobRole;
  /** The cron expression, or the period of an interval or timeout. */
  readonly expression: string | undefined;
  /** The zone that the cron expression is read in. */
  readonly timeZone: string | undefined;
  /**
   * When the next tick is due; undefined if it has no ticks, or is stopped. Of a job that only other replicas have, it is also
   * undefined for up to a minute after a tick.
   */
  readonly nextTick: Date | undefined;
  /** The last tick that was run, or was counted as run. */
  readonly lastTick: Date | undefined;
  /** Who has paused it, and why; undefined if it is not paused. */
  readonly paused: Paused | undefined;
  /** The latest run; undefined if none is known. */
  readonly lastRun: Run | undefined;
  /** The names of the replicas that have it, this one first if it does. */
  readonly replicas: readonly string[];
}

/** One run of a job. Times are the store's. */
export interface Run {
  /** The tick it was for. */
  readonly tick: Date | undefined;
  /** The name of the replica that ran it. */
  readonly replica: string;
  /** 0 for a tick that was missed. */
  readonly fencingToken: number;
  readonly started: Date;
  /** Milliseconds; undefined while it runs, and if it was abandoned or missed. */
  readonly duration: number | undefined;
  /**
   * - `running`: it has begun, and its replica holds the lock;
   * - `succeeded`, `failed`: its work returned or threw;
   * - `lost`: its work ended after the lock was lost;
   * - `abandoned`: its replica died, or never said how it ended;
   * - `missed`: no replica ran the tick, and it is too late to.
   */
  readonly outcome: RunOutcome;
  /** The first line of the error's message, 200 characters at most. */
  readonly error: string | undefined;
  /** Whether it was a tick that was run late, or not at all. */
  readonly missed: boolean;
  /** Whether it was begun with `run()`. */
  readonly byHand: boolean;
}

/** A job with its runs. */
export interface JobWithRuns extends Job {
  /** The newest first, as many as the option `history` says. */
  readonly runs: readonly Run[];
}

/** The jobs and replicas at one moment. */
export interface JobsOverview {
  /** The time of the store. */
  readonly now: Date;
  /** The name of this replica. */
  readonly replica: string;
  readonly jobs: readonly JobWithRuns[];
  readonly replicas: readonly Replica[];
}

/** A replica that has made itself known. */
export interface Replica {
  readonly replica: string;
  readonly application: string | undefined;
  readonly version: string | undefined;
  readonly started: Date;
  /** When it last made itself known, which it does once a minute. By the store's clock, if `ahead` is known. */
  readonly lastSeen: Date | undefined;
  /** By how many milliseconds its clock is ahead of the store's; undefined until that was measured. */
  readonly ahead: number | undefined;
  /** The names of its jobs. */
  readonly jobs: readonly string[];
}

/** Names a job: `job` alone, or together with the name of its lock where two locks have a job of that name. */
export type JobName = string | { readonly name: string; readonly job: string };

/** Options of `pause`. */
export interface PauseOptions {
  /** Why, for others. */
  readonly reason: string;
  /** Who pauses it. */
  readonly by: string;
  /**
   * When the pause ends by itself.
   *
   * @default not before `resume()`
   */
  readonly until?: Date | undefined;
}
