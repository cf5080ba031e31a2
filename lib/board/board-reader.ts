import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import { LockConfigurationError } from '../common/errors.js';
import type { LockState } from '../core/lock-manager.js';
import { ExclusiveLockService } from '../exclusive-lock.service.js';
import type { JobsOverview } from '../locks/job-types.js';
import type { BoardOverview, BoardRun } from './board-json.js';
import { SharedReading, sharingTime } from './shared-reading.js';
import { idsOf, jobJson, lockJson, replicaJson, runJson, timelineOf } from './to-json.js';

const MOST_LOCKS = 500;
/** The jobs that one command reads. */
const JOBS_A_COMMAND = 500;
/** For how many milliseconds a reading is shared by all who ask, at least. */
const SHARED_FOR = 1000;

/** The jobs, or why the store does not know them. */
type JobsReading = JobsOverview | { readonly note: string };

interface LocksReading {
  readonly locks: readonly LockState[];
  readonly more: boolean;
  readonly at: Date;
  readonly note?: string;
}

/** What a board shows, apart from its actions. */
export type BoardReading = Omit<BoardOverview, 'actions' | 'token'>;

/**
 * Reads what a board shows. All browsers of a replica share one reading, which takes three commands of the store. A reading
 * that takes more commands, or long, is made less often.
 */
@Injectable()
export class BoardReader {
  readonly #locks: ExclusiveLockService;
  readonly #jobs = new SharedReading(() => this.#readJobs());
  readonly #held = new SharedReading(() => this.#readLocks());

  constructor(@Inject(ExclusiveLockService) locks: ExclusiveLockService) {
    this.#locks = locks;
  }

  /** @throws LockStoreError */
  async overview(): Promise<BoardReading> {
    const [jobs, held] = await Promise.all([this.#jobs.get(), this.#held.get()]);
    const notes = [jobs, held].flatMap((reading) =>
      'note' in reading && reading.note ? [reading.note] : [],
    );
    const listed = { locks: held.locks.map(lockJson), moreLocks: held.more, locksAt: held.at.toISOString() };
    if ('note' in jobs)
      return { now: new Date().toISOString(), jobs: [], replicas: [], runs: [], ...listed, notes };
    const ids = idsOf(jobs.jobs);
    return {
      now: jobs.now.toISOString(),
      replica: jobs.replica,
      jobs: jobs.jobs.map((job, i) => jobJson(job, ids[i], jobs.replica)),
      replicas: jobs.replicas.map(replicaJson),
      runs: timelineOf(jobs, ids),
      ...listed,
      notes,
    };
  }

  /**
   * The recorded runs of a job; undefined if there is no such job.
   *
   * @throws LockStoreError
   */
  async runs(id: string): Promise<BoardRun[] | undefined> {
    const jobs = await this.#jobs.get();
    if ('note' in jobs) return undefined;
    return jobs.jobs[idsOf(jobs.jobs).indexOf(id)]?.runs.map(runJson);
  }

  /** Makes the next call read the store again, since an action has changed something. */
  forget(): void {
    this.#jobs.forget();
    this.#held.forget();
  }

  async #readJobs(): Promise<{ value: JobsReading; sharedFor: number }> {
    const begun = performance.now();
    try {
      const value = await this.#locks.jobs.overview();
      // Two commands up to there, and another for the locks.
      const more = Math.ceil(value.jobs.length / JOBS_A_COMMAND) - 1;
      return { value, sharedFor: Math.max(sharedFor(begun), more > 0 ? (more + 3) * SHARED_FOR : 0) };
    } catch (error) {
      return { value: { note: noteOf(error) }, sharedFor: SHARED_FOR };
    }
  }

  async #readLocks(): Promise<{ value: LocksReading; sharedFor: number }> {
    const begun = performance.now();
    const locks: LockState[] = [];
    let more = false;
    try {
      for await (const lock of this.#locks.list()) {
        more = locks.length === MOST_LOCKS;
        if (more) break;
        locks.push(lock);
      }
      return { value: { locks, more, at: new Date() }, sharedFor: sharedFor(begun) };
    } catch (error) {
      return { value: { locks, more, at: new Date(), note: noteOf(error) }, sharedFor: SHARED_FOR };
    }
  }
}

function sharedFor(begun: number): number {
  return Math.max(SHARED_FOR, sharingTime(performance.now() - begun));
}

/** A store that keeps no runs, or has no list, says so. @throws all other errors */
function noteOf(error: unknown): string {
  if (error instanceof LockConfigurationError) return error.message;
  throw error;
}
