import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { checkDuration, type Duration } from '../common/duration.js';
import { checkName } from '../core/lock-name.js';
import { checkMaxAttempts, checkMemory, checkOnHolderDeath } from '../core/occurrence.js';

/** Options about the runs of a decorated method. */
export interface OccurrenceOptions {
  /**
   * The name under which the runs of the method are recorded: each tick, gap and version of a job runs once. Set it if
   * methods share a lock and have no job name, because the name of a class may change.
   *
   * @default the name in `@Cron(…, { name })`, `@Interval(name, …)` or `@Timeout(name, …)`; else the name of the lock
   * as given, unless it is `shared`; else `Class.method`
   */
  readonly job?: string | undefined;
  /**
   * On `@Cron`: what happens to a tick whose holder dies in the middle of it. `rerun`: the replicas that found it
   * running stand by, and one of them runs the same tick again.
   *
   * @default 'skip'
   */
  readonly onHolderDeath?: 'skip' | 'rerun' | undefined;
  /**
   * With `onHolderDeath: 'rerun'`: how many replicas begin a tick at most. When that many have died in it, the tick is
   * given up, and one of the others logs a warning.
   *
   * @default 3
   */
  readonly maxAttempts?: number | undefined;
  /**
   * On `@Cron`: a tick that no replica ran runs late, if it is not older than `within` and is closer to the present
   * than the next one. Its lease is `missed`. Replicas look for missed ticks at the start, after an outage, and when
   * they notice that they have not asked for a tick. Only the latest tick runs, and only if the job has run before. See
   * docs/runs.md.
   *
   * @default none: a missed tick never runs
   * @example
   * @Cron('0 3 * * *')
   * @Exclusive('nightly', { missed: { within: '6h' } })
   */
  readonly missed?: MissedOptions | undefined;
  /**
   * On a method that no scheduler calls: a call is skipped within this time of the last start in any replica, even if a
   * job makes the call. `@Interval` has its own period instead.
   */
  readonly minGap?: Duration | undefined;
  /**
   * On `onModuleInit`, `onApplicationBootstrap` and `@Timeout`: the version that the method runs once for, such as an
   * image tag or the number of a migration. Replicas of another version run it again.
   *
   * @default the module's `version`
   */
  readonly version?: string | undefined;
  /**
   * On the same methods: how long a success is remembered.
   *
   * @default 604_800_000 (7 days) with a version, 60_000 without
   */
  readonly remember?: Duration | undefined;
  /**
   * On `onModuleInit` and `onApplicationBootstrap`: how long a replica waits for the one that runs it.
   *
   * @default 300_000 (5 minutes)
   */
  readonly standbyTimeout?: Duration | undefined;
  /**
   * On the same methods: what happens when that time is over. The start fails with a `LockTimeoutError`, or continues
   * with a warning.
   *
   * @default 'throw'
   */
  readonly whenTimedOut?: 'throw' | 'continue' | undefined;
}

/** What happens to ticks that no replica ran. */
export interface MissedOptions {
  /** How long after its time a tick may still run. */
  readonly within: Duration;
}

const MISSED_OPTIONS: KnownOptions<MissedOptions> = { within: true };

export const OCCURRENCE_OPTIONS: KnownOptions<OccurrenceOptions> = {
  job: true,
  onHolderDeath: true,
  maxAttempts: true,
  missed: true,
  minGap: true,
  version: true,
  remember: true,
  standbyTimeout: true,
  whenTimedOut: true,
};

/** @throws LockConfigurationError */
export function checkOccurrenceOptions(options: OccurrenceOptions): void {
  const { job, onHolderDeath, maxAttempts, missed, minGap, version } = options;
  const { remember, standbyTimeout, whenTimedOut } = options;
  if (job !== undefined) checkName(job, 'job');
  if (onHolderDeath !== undefined) checkOnHolderDeath('onHolderDeath', onHolderDeath);
  if (maxAttempts !== undefined) checkMaxAttempts('maxAttempts', maxAttempts);
  if (missed !== undefined) {
    checkOptions(missed, MISSED_OPTIONS, 'missed');
    checkDuration('missed.within', missed.within, 1);
  }
  if (minGap !== undefined) checkMemory('minGap', minGap);
  if (version !== undefined) checkVersion(version);
  if (remember !== undefined) checkMemory('remember', remember);
  if (standbyTimeout !== undefined) checkDuration('standbyTimeout', standbyTimeout, 1);
  if (whenTimedOut !== undefined && whenTimedOut !== 'throw' && whenTimedOut !== 'continue')
    refuse('whenTimedOut', "'throw' or 'continue'", whenTimedOut);
}

/** @throws LockConfigurationError */
export function checkVersion(version: unknown): void {
  if (typeof version !== 'string' || version.trim() === '')
    refuse('version', 'a string that is not empty', version);
}
