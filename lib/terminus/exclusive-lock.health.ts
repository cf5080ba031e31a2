import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { LockStoreError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { ExclusiveLockService } from '../exclusive-lock.service.js';
import {
  resolveHealthOptions,
  type ExclusiveLockHealthOptions,
  type WhenUnhealthy,
} from './health-options.js';

/** What the indicator of @nestjs/terminus 11 or 12 can say. */
interface Session<Key extends string> {
  up(data: object): HealthIndicatorResult<Key>;
  down(data: object): HealthIndicatorResult<Key>;
  /** From version 12 on. */
  degraded?(data: object): HealthIndicatorResult<Key>;
}

/** A lock that nobody has, to find out whether the store answers. */
const PROBE = 'exclusive-lock-health';

/**
 * The health of the locks for `@nestjs/terminus`: whether the store answers, whether jobs have succeeded lately, and whether
 * elections have a leader. Provide it in a module that imports `TerminusModule`.
 *
 * @example
 * this.health.check([() => this.locks.check('locks', { jobs: { 'nightly-report': '26h' } })]);
 */
@Injectable()
export class ExclusiveLockHealthIndicator {
  readonly #locks: ExclusiveLockService;
  readonly #health: HealthIndicatorService;
  readonly #startedAt = Date.now();

  constructor(
    @Inject(ExclusiveLockService) locks: ExclusiveLockService,
    @Inject(HealthIndicatorService) health: HealthIndicatorService,
  ) {
    this.#locks = locks;
    this.#health = health;
  }

  /**
   * Asks the store once, and once more for each job and election that is given.
   *
   * @param key the name of the indicator in the result
   * @throws LockConfigurationError for a bad option, or jobs of a store that keeps no record of runs
   */
  async check<const Key extends string>(
    key: Key,
    options: ExclusiveLockHealthOptions = {},
  ): Promise<HealthIndicatorResult<Key>> {
    const { timeout, jobs, leaders, whenUnavailable, whenOverdue } = resolveHealthOptions(options);
    const session = this.#health.check(key) as unknown as Session<Key>;
    const begun = performance.now();
    try {
      const questions = [
        this.#locks.inspect(PROBE).then(() => undefined),
        ...jobs.map(([job, longestAge]) => this.#overdue(job, longestAge)),
        ...leaders.map((election) => this.#leaderless(election)),
      ];
      const found = await inTime(Promise.all(questions), timeout);
      const problems = found.filter((problem) => problem !== undefined);
      if (problems.length > 0) return say(session, whenOverdue, { message: problems.join(' ') });
      return session.up({ responseTime: Math.round(performance.now() - begun) });
    } catch (error) {
      if (!(error instanceof LockStoreError)) throw error;
      return say(session, whenUnavailable, { message: error.message });
    }
  }

  async #overdue(job: string, longestAge: number): Promise<string | undefined> {
    const { jobs } = this.#locks;
    const last = (await jobs.get(job))?.lastRun;
    // Before the last run there may have been one that succeeded.
    const runs = last && last.outcome !== 'succeeded' ? await jobs.runs(job) : [last];
    const success = runs.find((run) => run?.outcome === 'succeeded');
    const age = Date.now() - (success?.started.getTime() ?? this.#startedAt);
    return age > longestAge ? messages.jobOverdue(job, success?.started, longestAge) : undefined;
  }

  async #leaderless(election: string): Promise<string | undefined> {
    return (await this.#locks.inspect(election)) ? undefined : messages.noLeader(election);
  }
}

function say<Key extends string>(
  session: Session<Key>,
  state: WhenUnhealthy,
  data: object,
): HealthIndicatorResult<Key> {
  if (state === 'down') return session.down(data);
  return session.degraded?.(data) ?? session.up({ ...data, degraded: true });
}

/** @throws LockStoreError when the time is over */
async function inTime<T>(asked: Promise<T>, ms: number): Promise<T> {
  const end = new AbortController();
  const timeUp = sleep(ms, undefined, { signal: end.signal }).then(() => {
    throw new LockStoreError(messages.unhealthy(ms), { mayHaveRun: false });
  });
  try {
    return await Promise.race([asked, timeUp]);
  } finally {
    end.abort();
    timeUp.catch(() => undefined);
    asked.catch(() => undefined);
  }
}
