import { performance } from 'node:perf_hooks';
import { LazyTimer } from '../common/lazy-timer.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { jobKey, type JobDescription, type LocalJobs } from './local-jobs.js';
import { parseEntry, type ReplicaEntry } from './replica-entry.js';
import type { RunRecords } from './run-records.js';

/** What a catalogue needs. */
export interface CatalogueParts {
  readonly records: Pick<RunRecords, 'publish' | 'replicas'>;
  readonly jobs: LocalJobs;
  readonly logger: LockLogger;
  readonly replica: string;
  readonly application: string | undefined;
  readonly version: string | undefined;
}

/** Milliseconds between two commands. */
const EVERY = 60_000;
/** One in this many commands reads the entries of the other replicas instead of publishing its own. */
const READ_EVERY = 10;
/**
 * Milliseconds for which the store keeps an entry: two and a half periods, because some commands read instead of
 * publishing.
 */
const TTL = 2.5 * EVERY;
/** Milliseconds for which a shutdown waits for the store at most. */
const PATIENCE = 250;

/** Publishes this replica to the others, and logs if their schedules differ. Costs one timer, and one command a minute. */
export class Catalogue {
  readonly #parts: CatalogueParts;
  readonly #started = Date.now();
  /** In real time: with a clock that a test moves, it would publish once for each minute moved. */
  readonly #timer = new LazyTimer(performance, () => void this.#go());
  readonly #told = new Set<string>();
  #commands = 0;
  #ahead: number | undefined;
  #isKnown = false;
  #refused = false;
  #isOn = false;

  constructor(parts: CatalogueParts) {
    this.#parts = parts;
  }

  /** Starts in the background. */
  start(): void {
    this.#isOn = true;
    this.#timer.setBy(performance.now());
  }

  /** Removes the entry of this replica, if the store answers soon. Never rejects. */
  async stop(): Promise<void> {
    this.#isOn = false;
    this.#timer.clear();
    if (!this.#isKnown) return;
    try {
      await this.#parts.records.publish(this.#parts.replica, '{}', 0, PATIENCE);
    } catch {
      // The entry expires by itself.
    }
  }

  async #go(): Promise<void> {
    await this.#next();
    if (this.#isOn) this.#timer.setBy(performance.now() + EVERY);
  }

  /** At the start it does both, so that a wrong deployment is reported at once. */
  async #next(): Promise<void> {
    const isRead = ++this.#commands % READ_EVERY === 0;
    try {
      if (!isRead) await this.#publish();
      if (isRead || this.#commands === 1) await this.#compare();
      this.#refused = false;
    } catch (error) {
      this.#failed(error as { refused?: boolean });
    }
  }

  async #publish(): Promise<void> {
    const { records, jobs, replica, application, version } = this.#parts;
    const descriptions = jobs.all().map((job) => job.describe());
    const entry: ReplicaEntry = {
      replica,
      application,
      version,
      started: this.#started,
      published: Date.now(),
      ahead: this.#ahead,
      jobs: descriptions,
    };
    this.#isKnown = true;
    await records.publish(replica, JSON.stringify(entry), TTL);
  }

  async #compare(): Promise<void> {
    const { records, jobs, replica, logger } = this.#parts;
    const { entries, ahead } = await records.replicas();
    this.#ahead = ahead;
    const own = new Map(jobs.all().map((job) => [jobKey(job.describe()), job.describe()]));
    for (const entry of entries.map(parseEntry)) {
      if (!entry || entry.replica === replica) continue;
      for (const other of entry.jobs) {
        const mine = own.get(jobKey(other));
        if (!mine || scheduleOf(mine) === scheduleOf(other)) continue;
        const told = `${jobKey(other)} ${scheduleOf(other)} ${scheduleOf(mine)}`;
        if (this.#told.has(told)) continue;
        this.#told.add(told);
        logger.warn(messages.otherSchedule(mine.method, scheduleOf(mine), entry.replica, scheduleOf(other)));
      }
    }
  }

  /** Other calls report an outage. */
  #failed(error: { refused?: boolean }): void {
    if (!error.refused || this.#refused) return;
    this.#refused = true;
    this.#parts.logger.warn(messages.catalogueRefused(error));
  }
}

function scheduleOf({ expression, timeZone }: JobDescription): string {
  return timeZone === undefined ? `${expression}` : `${expression} (${timeZone})`;
}
