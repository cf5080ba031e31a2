import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { checkDuration, type Duration } from '../common/duration.js';
import { checkName } from '../core/lock-name.js';
import { checkMaxAttempts, checkMemory, checkOnHolderDeath } from '../core/occurrence.js';

/** What can be said of the runs of a decorated method. */
export interface OccurrenceOptions {
  /**
   * What the method's runs are known by: ticks, gaps and versions of one job are run once. Say it where methods that
   * share a lock have neither a job's name nor a class whose name stays as it is.
   *
   * @default the name of the job, in `@Cron(…, { name })`, `@Interval(name, …)` or `@Timeout(name, …)`; else the name of
   * the lock as given; else, and with `shared: true`, `Class.method`
   */
  readonly job?: string | undefined;
  /**
   * On `@Cron`: what becomes of a tick whose holder dies in the middle of it. `rerun`: the replicas that found it
   * running stand by, and one of them runs the same tick again.
   *
   * @default 'skip'
   */
  readonly onHolderDeath?: 'skip' | 'rerun' | undefined;
  /**
   * With `onHolderDeath: 'rerun'`: how many replicas begin a tick at most. When that many have died of it, the tick is
   * given up, which one of the others tells in a warning.
   *
   * @default 3
   */
  readonly maxAttempts?: number | undefined;
  /**
   * On `@Cron`: a tick that no replica has run is run late, if it is not older than `within` and nearer than the next one;
   * its lease is `missed`. Looked for at the start, after an outage and when a replica notices that it has not asked for
   * a tick. Only the latest tick is run, and only if the job has run before. See docs/runs.md.
   *
   * @default not run
   * @example
   * @Cron('0 3 * * *')
   * @Exclusive('nightly', { missed: { within: '6h' } })
   */
  readonly missed?: MissedOptions | undefined;
  /**
   * On a method that is not a job itself: it is skipped within this time of its last start, in whichever
   * replica that was, also where a job calls it. `@Interval` has its own period for that.
   */
  readonly minGap?: Duration | undefined;
  /**
   * On `onModuleInit`, `onApplicationBootstrap` and `@Timeout`: what is to be initialised once, such as an image tag
   * or the number of a migration. Replicas of another version run it again.
   *
   * @default the module's `version`
   */
  readonly version?: string | undefined;
  /**
   * On the same: how long it is remembered that a run has succeeded.
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
   * On the same: what follows when that time is over: the start fails with a `LockTimeoutError`, or goes on with a
   * warning.
   *
   * @default 'throw'
   */
  readonly whenTimedOut?: 'throw' | 'continue' | undefined;
}

/** What becomes of ticks that nobody has run. */
export interface MissedOptions {
  /** How long after its time a tick may still be run. */
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
