import type { JobRequest } from '../stores/lock-store.js';
import type { Outcome } from './outcome.js';

/** The role of a job in the application: its caller, and when it is called. */
export type JobRole = 'cron' | 'interval' | 'timeout' | 'start hook' | 'method';

/** What replicas tell one another of a job. */
export interface JobDescription extends JobRequest {
  /** `Class.method`. */
  readonly method: string;
  readonly role: JobRole;
  /** The cron expression, or the milliseconds of an interval or timeout. */
  readonly expression?: string | undefined;
  /** The zone that the cron expression is read in. */
  readonly timeZone?: string | undefined;
  /** Milliseconds since the epoch; undefined if it has no ticks, or is stopped. */
  readonly nextTick?: number | undefined;
}

/** A job of this process. */
export interface LocalJob {
  /** As it is now: an application may give it another schedule. */
  describe(): JobDescription;
  /** Runs the job now, under its lock. Undefined for jobs that run only at the start of an application. */
  readonly run: (() => Promise<Outcome<unknown>>) | undefined;
}

/** The jobs of this process. */
export interface LocalJobs {
  all(): readonly LocalJob[];
}

/** The same text for the same job, in all replicas. */
export function jobKey({ name, kind, job }: JobRequest): string {
  return JSON.stringify([name, kind, job]);
}
