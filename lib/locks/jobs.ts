import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { wallTime } from '../common/clock.js';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { jobKey, type JobDescription, type LocalJob, type LocalJobs } from '../core/local-jobs.js';
import type { LockManager } from '../core/lock-manager.js';
import { jobOf } from '../core/occurrence.js';
import { pausedBy, type Outcome } from '../core/outcome.js';
import { parseEntry, type ReplicaEntry } from '../core/replica-entry.js';
import type { JobRequest, JobState, RunRecord } from '../stores/lock-store.js';
import type { Job, JobName, JobWithRuns, JobsOverview, PauseOptions, Replica, Run } from './job-types.js';

const PAUSE_OPTIONS: KnownOptions<PauseOptions> = { reason: true, by: true, until: true };

/** A job, and the replicas that have it. */
interface Found {
  readonly description: JobDescription;
  readonly local: LocalJob | undefined;
  readonly replicas: string[];
}

/**
 * The jobs of all replicas. If the store keeps no record of runs, each method throws a `LockConfigurationError`. If the
 * store cannot be reached, each throws a `LockStoreError`.
 */
export class Jobs {
  readonly #locks: LockManager;
  readonly #replica: string;
  readonly #local: LocalJobs;

  constructor(locks: LockManager, local: LocalJobs) {
    this.#locks = locks;
    this.#replica = locks.replica;
    this.#local = local;
  }

  /**
   * Returns all jobs, including those of other replicas.
   *
   * @example
   * for (const { job, nextTick, lastRun } of await locks.jobs.list()) console.log(job, nextTick, lastRun?.outcome);
   */
  async list(): Promise<Job[]> {
    const found = await this.#all();
    const states = await this.#locks.records.read(found.map(requestOf));
    return found.map((job, i) => describe(job, states[i]));
  }

  /**
   * Returns all jobs with their runs, and the replicas, for a page that shows everything. Costs two store commands for
   * up to 500 jobs and one for each 500 more; in a Redis Cluster one for each lock.
   *
   * @example
   * const { jobs } = await locks.jobs.overview();
   * const failed = jobs.filter(({ runs }) => runs.some(({ outcome }) => outcome === 'failed'));
   */
  async overview(): Promise<JobsOverview> {
    const { entries, ahead } = await this.#catalogue();
    const found = this.#merged(entries);
    const states = await this.#locks.records.read(found.map(requestOf));
    return {
      now: new Date(wallTime(this.#locks.clock) - ahead),
      replica: this.#replica,
      jobs: found.map((job, i) => withRuns(job, states[i])),
      replicas: entries.map(replicaOf),
    };
  }

  /** Returns the job, or null if no replica has it. */
  async get(job: JobName): Promise<Job | null> {
    const found = await this.#find(job);
    if (!found) return null;
    const [state] = await this.#locks.records.read([requestOf(found)]);
    return describe(found, state);
  }

  /**
   * Returns the last runs of the job, the newest first. The option `history` says how many.
   *
   * @throws LockConfigurationError if no replica has the job
   */
  async runs(job: JobName): Promise<Run[]> {
    const [state] = await this.#locks.records.read([requestOf(await this.#known(job))]);
    return state?.runs.map(runOf) ?? [];
  }

  /**
   * Makes all replicas skip the job from now on, until `resume()` or until the given time. A run that has begun
   * continues to its end.
   *
   * @throws LockConfigurationError if no replica has the job, for a bad option, or for a job that runs once a version
   * @example
   * await locks.jobs.pause('nightly', { reason: 'migration', by: 'anna', until: new Date('2026-12-01T06:00:00Z') });
   */
  async pause(job: JobName, options: PauseOptions): Promise<void> {
    checkOptions(options, PAUSE_OPTIONS, 'pause');
    const { reason, by, until } = options;
    const since = wallTime(this.#locks.clock);
    checkText('reason', reason);
    checkText('by', by);
    if (until !== undefined && !(until instanceof Date && until.getTime() > since))
      refuse('until', 'a Date in the future', until);
    const found = await this.#known(job);
    const { method, kind } = found.description;
    if (kind === 'key') throw new LockConfigurationError(messages.pauseOfInitialisation(method));
    await this.#locks.records.pause(requestOf(found), { reason, by, since, until: until?.getTime() });
  }

  /**
   * Ends a pause. Ticks that were due during the pause do not run.
   *
   * @throws LockConfigurationError if no replica has the job
   */
  async resume(job: JobName): Promise<void> {
    await this.#locks.records.pause(requestOf(await this.#known(job)), null);
  }

  /**
   * Runs the job now, in this replica and under its lock, so never while it runs elsewhere. The run claims no tick, so
   * the next tick runs as usual. It ignores a pause.
   *
   * @returns the outcome, as of `run`
   * @throws the work's own error; LockConfigurationError if this replica does not have the job, if it is a start hook,
   * or if the job itself makes the call
   * @example
   * const outcome = await locks.jobs.run('nightly');
   * if (outcome.status === 'skipped') console.log(`not run: ${outcome.reason}`);
   */
  async run(job: JobName): Promise<Outcome<unknown>> {
    const found = this.#pick(job, this.#own()) ?? (await this.#known(job));
    const { description, local, replicas } = found;
    if (!local) throw new LockConfigurationError(messages.jobElsewhere(jobOf(description), replicas));
    if (!local.run) throw new LockConfigurationError(messages.runOfStartHook(description.method));
    return local.run();
  }

  /** Returns the replicas that run, except those with `catalogue: false`. */
  async replicas(): Promise<Replica[]> {
    return (await this.#catalogue()).entries.map(replicaOf);
  }

  /** The entries of all replicas, and by how much this replica's clock is ahead of the store's. */
  async #catalogue(): Promise<{ readonly entries: readonly ReplicaEntry[]; readonly ahead: number }> {
    const { entries, ahead } = await this.#locks.records.replicas();
    return { entries: entries.map(parseEntry).filter((entry) => entry !== undefined), ahead };
  }

  #own(): Found[] {
    const replicas = [this.#replica];
    return this.#local
      .all()
      .map((local) => ({ description: local.describe(), local, replicas: [...replicas] }));
  }

  async #all(): Promise<Found[]> {
    return this.#merged((await this.#catalogue()).entries);
  }

  #merged(entries: readonly ReplicaEntry[]): Found[] {
    const found = new Map(this.#own().map((job) => [jobKey(job.description), job]));
    const now = wallTime(this.#locks.clock);
    for (const { replica, jobs } of entries) {
      if (replica === this.#replica) continue;
      for (const description of jobs) {
        const known = found.get(jobKey(description));
        if (known) known.replicas.push(replica);
        else found.set(jobKey(description), foundElsewhere(description, replica, now));
      }
    }
    return [...found.values()];
  }

  /** The jobs of this replica are found without asking the store. */
  async #find(job: JobName): Promise<Found | undefined> {
    return this.#pick(job, await this.#all());
  }

  /** @throws LockConfigurationError */
  #pick(job: JobName, all: readonly Found[]): Found | undefined {
    const wanted = typeof job === 'string' ? { job } : job;
    if (typeof wanted?.job !== 'string') refuse('job', 'the name of a job, or { name, job }', job);
    const alike = all.filter(
      ({ description }) =>
        jobOf(description) === wanted.job && (!('name' in wanted) || wanted.name === description.name),
    );
    const names = [...new Set(alike.map(({ description }) => description.name))];
    if (names.length > 1) throw new LockConfigurationError(messages.ambiguousJob(wanted.job, names));
    // A start hook has a job for each version. That of this replica's version comes first.
    return alike[0];
  }

  /** @throws LockConfigurationError */
  async #known(job: JobName): Promise<Found> {
    const all = await this.#all();
    const found = this.#pick(job, all);
    if (found) return found;
    const known = all.map(({ description }) => jobOf(description));
    throw new LockConfigurationError(messages.noSuchJob(typeof job === 'string' ? job : job.job, known));
  }
}

/** Replicas publish their entries once a minute, so a tick may have been due since. */
function foundElsewhere(description: JobDescription, replica: string, now: number): Found {
  const { nextTick = 0 } = description;
  const current = { ...description, nextTick: nextTick > now ? nextTick : undefined };
  return { description: current, local: undefined, replicas: [replica] };
}

function requestOf({ description: { name, kind, job } }: Found): JobRequest {
  return { name, kind, job };
}

function describe({ description, replicas }: Found, state: JobState | undefined): Job {
  const { name, method, role, expression, timeZone, nextTick } = description;
  const [lastRun] = state?.runs ?? [];
  return {
    name,
    job: jobOf(description),
    method,
    role,
    expression,
    timeZone,
    nextTick: dateOf(nextTick),
    lastTick: dateOf(state?.lastTick),
    paused: state?.pause && pausedBy(state.pause),
    lastRun: lastRun && runOf(lastRun),
    replicas,
  };
}

function withRuns(found: Found, state: JobState | undefined): JobWithRuns {
  return { ...describe(found, state), runs: state?.runs.map(runOf) ?? [] };
}

function replicaOf(entry: ReplicaEntry): Replica {
  const { replica, application, version, started, published, ahead, jobs } = entry;
  return {
    replica,
    application,
    version,
    started: new Date(started),
    lastSeen: dateOf(published === undefined ? undefined : published - (ahead ?? 0)),
    ahead,
    jobs: jobs.map(jobOf),
  };
}

function runOf({ tick, replica, fencingToken, started, duration, outcome, error, by }: RunRecord): Run {
  return {
    tick: dateOf(tick),
    replica,
    fencingToken,
    started: new Date(started),
    duration,
    outcome,
    error,
    missed: by === 'missed' || outcome === 'missed',
    byHand: by === 'hand',
  };
}

function dateOf(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}

function checkText(option: string, value: unknown): void {
  if (typeof value !== 'string' || value.trim() === '') refuse(option, 'a string that is not empty', value);
}
