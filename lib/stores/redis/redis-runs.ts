import { performance } from 'node:perf_hooks';
import {
  TICK_RETENTION,
  type JobPause,
  type JobRequest,
  type JobState,
  type LockRuns,
} from '../lock-store.js';
import { jobState, pauseArgument } from './job-format.js';
import type { LockKeys } from './lock-keys.js';
import type { Argument, RedisConnection, Script } from './redis-connection.js';
import { SCRIPTS } from './scripts.js';

/** Jobs read by one command: a few milliseconds of the server's time if all have long records. */
const READ_BATCH = 500;

/** Runs a script after what was collected before, and replies its value. */
type Run = (
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
  within: number,
) => Promise<unknown>;

/** The records of runs in Redis. */
export class RedisRuns implements LockRuns {
  readonly #connection: RedisConnection;
  readonly #keys: LockKeys;
  readonly #run: Run;

  constructor(connection: RedisConnection, keys: LockKeys, run: Run) {
    this.#connection = connection;
    this.#keys = keys;
    this.#run = run;
  }

  async read(jobs: readonly JobRequest[], within: number): Promise<readonly JobState[]> {
    const deadline = performance.now() + within;
    if (this.#connection.oneSlotOnly) return this.#readByLock(jobs, within);
    const batches = Array.from({ length: Math.ceil(jobs.length / READ_BATCH) }, (_, i) =>
      jobs.slice(i * READ_BATCH, (i + 1) * READ_BATCH),
    );
    try {
      return (await Promise.all(batches.map((batch) => this.#readBatch(batch, within)))).flat();
    } catch (error) {
      // The first time that the server says so.
      if (!this.#connection.oneSlotOnly) throw error;
      return this.#readByLock(jobs, deadline - performance.now());
    }
  }

  async pause(job: JobRequest, pause: JobPause | null, within: number): Promise<void> {
    const key = this.#keys.record(job.name, job);
    await this.#run(SCRIPTS.pause, [key], [pauseArgument(pause), TICK_RETENTION], within);
  }

  async publish(replica: string, entry: string, ttl: number, within: number): Promise<void> {
    await this.#run(SCRIPTS.publish, [this.#keys.replicas], [replica, entry, ttl], within);
  }

  async replicas(within: number): Promise<{ entries: readonly string[]; now: number }> {
    const value = await this.#run(SCRIPTS.replicas, [this.#keys.replicas], [], within);
    const [now, ...entries] = value as [number, ...string[]];
    return { entries, now };
  }

  /** With one command for each lock. */
  async #readByLock(jobs: readonly JobRequest[], within: number): Promise<readonly JobState[]> {
    const locks = new Map<string, JobRequest[]>();
    for (const job of jobs) locks.set(job.name, [...(locks.get(job.name) ?? []), job]);
    const states = new Map<JobRequest, JobState>();
    const readAll = [...locks.values()].map(async (ofLock) => {
      const read = await this.#readBatch(ofLock, within);
      for (const [i, job] of ofLock.entries()) states.set(job, read[i]);
    });
    await Promise.all(readAll);
    return jobs.map((job) => states.get(job)!);
  }

  async #readBatch(jobs: readonly JobRequest[], within: number): Promise<readonly JobState[]> {
    const keys = jobs.flatMap((job) => [this.#keys.lock(job.name), this.#keys.record(job.name, job)]);
    const [now, ...values] = (await this.#run(SCRIPTS.readJobs, keys, [], within)) as [
      number,
      ...(string | null)[],
    ];
    return jobs.map((job, i) => jobState(job, values[2 * i], values[2 * i + 1], now));
  }
}
