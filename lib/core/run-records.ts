import { wallTime, type Clock } from '../common/clock.js';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import type { JobPause, JobRequest, JobState, LockRuns, LockStore } from '../stores/lock-store.js';
import type { WatchedStore } from './watched-store.js';

/** Reads and writes the store's records of runs, pauses and replicas. Each call is one command. */
export class RunRecords {
  readonly #store: LockStore;
  readonly #watched: WatchedStore;
  readonly #within: number;
  readonly #clock: Clock;

  constructor(store: LockStore, watched: WatchedStore, within: number, clock: Clock) {
    this.#store = store;
    this.#watched = watched;
    this.#within = within;
    this.#clock = clock;
  }

  /** Whether the store keeps such records. */
  get areKept(): boolean {
    return this.#store.runs !== undefined;
  }

  /**
   * @param forWhat what needs them, for the message
   * @throws LockConfigurationError if the store keeps none
   */
  required(forWhat: string): LockRuns {
    const { runs, description } = this.#store;
    if (!runs) throw new LockConfigurationError(messages.keepsNoRuns(description, forWhat));
    return runs;
  }

  /** @throws LockStoreError; LockConfigurationError if the store keeps none */
  async read(jobs: readonly JobRequest[]): Promise<readonly JobState[]> {
    const runs = this.required('locks.jobs');
    return jobs.length === 0 ? [] : this.#watched.ask('read', () => runs.read(jobs, this.#within));
  }

  /** @throws LockStoreError; LockConfigurationError if the store keeps none */
  async pause(job: JobRequest, pause: JobPause | null): Promise<void> {
    const runs = this.required('locks.jobs');
    await this.#watched.ask('pause', () => runs.pause(job, pause, this.#within));
  }

  /**
   * Does not report an outage, because other calls do.
   *
   * @throws what the store throws; LockConfigurationError if the store keeps none
   */
  async publish(replica: string, entry: string, ttl: number, within = this.#within): Promise<void> {
    await this.required('catalogue').publish(replica, entry, ttl, Math.min(within, this.#within));
  }

  /**
   * Returns the entries of all replicas, and by how many milliseconds this replica's clock is ahead of the store's.
   *
   * @throws LockStoreError; LockConfigurationError if the store keeps none
   */
  async replicas(): Promise<{ readonly entries: readonly string[]; readonly ahead: number }> {
    const runs = this.required('locks.jobs');
    const before = wallTime(this.#clock);
    const { entries, now } = await this.#watched.ask('replicas', () => runs.replicas(this.#within));
    const after = wallTime(this.#clock);
    // The store read its clock at some moment between the two.
    return { entries, ahead: Math.round((before + after) / 2 - now) };
  }
}
