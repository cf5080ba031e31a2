import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { checkDuration, type Duration } from '../common/duration.js';

/** What the indicator says if something is wrong. */
export type WhenUnhealthy = 'degraded' | 'down';

/** Options of `ExclusiveLockHealthIndicator.check()`. */
export interface ExclusiveLockHealthOptions {
  /**
   * How long the store may take to answer. At least 1 ms.
   *
   * @default 1_000
   */
  readonly timeout?: Duration | undefined;
  /**
   * What the indicator says if the store does not answer in time. `degraded` keeps the health check at status 200, so that an
   * outage of the store does not restart every replica, whose other work goes on. Before @nestjs/terminus 12, which has no
   * such state, the indicator says `up` and adds `degraded: true`.
   *
   * @default 'degraded'
   */
  readonly whenUnavailable?: WhenUnhealthy | undefined;
  /**
   * Jobs by their names, and how old the last success of each may be: somewhat more than the time between two ticks. A job
   * that has never succeeded counts from the start of this process.
   *
   * @default none
   * @example { 'nightly-report': '26h' }
   */
  readonly jobs?: Readonly<Record<string, Duration>> | undefined;
  /**
   * Elections that some replica must lead. A standby is healthy.
   *
   * @default none
   */
  readonly leaders?: readonly string[] | undefined;
  /**
   * What the indicator says if a job is too old, or an election has no leader.
   *
   * @default 'down'
   */
  readonly whenOverdue?: WhenUnhealthy | undefined;
}

/** The options with their defaults filled in, and times in milliseconds. */
export interface HealthSettings {
  readonly timeout: number;
  readonly whenUnavailable: WhenUnhealthy;
  readonly jobs: readonly (readonly [name: string, longestAge: number])[];
  readonly leaders: readonly string[];
  readonly whenOverdue: WhenUnhealthy;
}

const OPTIONS: KnownOptions<ExclusiveLockHealthOptions> = {
  timeout: true,
  whenUnavailable: true,
  jobs: true,
  leaders: true,
  whenOverdue: true,
};
const DEFAULT_TIMEOUT = 1_000;

/** @throws LockConfigurationError */
export function resolveHealthOptions(options: ExclusiveLockHealthOptions): HealthSettings {
  checkOptions(options, OPTIONS, 'the health indicator');
  const { timeout = DEFAULT_TIMEOUT, jobs = {}, leaders = [] } = options;
  const { whenUnavailable = 'degraded', whenOverdue = 'down' } = options;
  checkState('whenUnavailable', whenUnavailable);
  checkState('whenOverdue', whenOverdue);
  if (!Array.isArray(leaders)) refuse('leaders', 'an array of names of elections', leaders);
  if (typeof jobs !== 'object' || jobs === null || Array.isArray(jobs))
    refuse('jobs', "an object such as { 'nightly-report': '26h' }", jobs);
  return {
    timeout: checkDuration('timeout', timeout, 1),
    whenUnavailable,
    jobs: Object.entries(jobs).map(([name, age]) => [name, checkDuration(`jobs['${name}']`, age, 1)]),
    leaders,
    whenOverdue,
  };
}

function checkState(option: string, value: unknown): void {
  if (value !== 'degraded' && value !== 'down') refuse(option, "'degraded' or 'down'", value);
}
