import type { JobRequest } from '../stores/lock-store.js';
import type { Outcome } from './outcome.js';

/** What calls a job: cron, an interval, a timeout, the start of the application, or other code. */
export type JobRole = 'cron' | 'interval' | 'timeout' | 'start hook' | 'method';

/** What a replica publishes about a job. */
export interface JobDescription extends JobRequest {
  /** `Class.method`. */
  readonly method: string;
  readonly role: JobRole;
  /** The cron expression, or the milliseconds of an interval or timeout. */
  readonly expression?: string | undefined;
  /** The time zone of the cron expression. */
  readonly timeZone?: string | undefined;
  /** Milliseconds since the epoch; undefined if it has no ticks, or is stopped. */
  readonly nextTick?: number | undefined;
}

/** A job of this process. */
export interface LocalJob {
  /** Its present description: an application may change the schedule. */
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
