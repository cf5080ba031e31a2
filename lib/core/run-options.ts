import type { KnownOptions } from '../common/check-options.js';
import type { Duration } from '../common/duration.js';
import { LEASE_OPTIONS, type LeaseOptions } from './lease-options.js';
import type { JobId, Occurrence } from './occurrence.js';

/** Options of `acquire`. */
export interface AcquireOptions extends LeaseOptions {
  /**
   * How long to wait while another holds the lock or the store is away; `true`: as long as it takes. Waiters get the
   * lock in the order in which they came, across all replicas. When the time is over, the call rejects with a
   * `LockTimeoutError`. A request that is under way at that moment has 250 ms from when it was sent.
   *
   * @default 0
   */
  readonly wait?: Duration | true | undefined;
  /**
   * Ends the wait: the call rejects with the signal's reason. It does not end work that runs.
   */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `run`. */
export interface RunOptions extends AcquireOptions {
  /**
   * The intended run for which the lock is requested. It is granted once across all replicas. A `wait` also ends when
   * another replica has completed the run.
   */
  readonly occurrence?: Occurrence | undefined;
  /**
   * How long to retry while the store is away, so that the run comes late rather than never. Ends when the next tick is due,
   * if the `occurrence` has `following`. Has no effect with a `wait`, which also waits for the store.
   *
   * @default 3_600_000 (1 hour) for a tick with `following`, such as that of `tickOccurrence()`; otherwise 0
   */
  readonly retryFor?: Duration | undefined;
}

export const ACQUIRE_OPTIONS: KnownOptions<AcquireOptions> = { ...LEASE_OPTIONS, wait: true, signal: true };

/**
 * Marks runs that a scheduler or Nest calls; a shutdown ends them first. A symbol, so that it is not an option of
 * users. Registered globally, because the ESM and the CJS build may both be loaded.
 */
export const SCHEDULED = Symbol.for('nestjs-exclusive-lock/scheduled');

/** Marks the run of a job that starts now, whatever ran before. */
export const BY_HAND = Symbol.for('nestjs-exclusive-lock/by-hand');

/** Options of runs that the decorator starts. */
export interface MethodRunOptions extends RunOptions {
  readonly [SCHEDULED]?: boolean;
  readonly [BY_HAND]?: JobId | undefined;
}

export const RUN_OPTIONS: KnownOptions<RunOptions> = { ...ACQUIRE_OPTIONS, occurrence: true, retryFor: true };

/** Marks the options as those of a run that a scheduler or Nest calls. */
export function scheduled(options: RunOptions): MethodRunOptions {
  return { ...options, [SCHEDULED]: true };
}
