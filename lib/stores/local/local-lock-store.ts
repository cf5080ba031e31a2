import { setImmediate } from 'node:timers/promises';
import { LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { answered } from '../answered.js';
import { pauseJob, readJob } from '../job-entry.js';
import {
  acquireEntry,
  forceEntry,
  inspectEntry,
  newEntry,
  nextToken,
  releaseEntry,
  renewEntry,
  type Decision,
  type StoreTime,
} from '../lock-entry.js';
import type {
  AcquireReply,
  AcquireRequest,
  ForceRequest,
  JobPause,
  JobRequest,
  JobState,
  LockAdmin,
  LockQueue,
  LockRuns,
  LockStore,
  OwnerReply,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
} from '../lock-store.js';
import { ReplicaEntries } from '../replica-entries.js';
import type { JobName } from '../run-marks.js';
import { EntryFiles } from './entry-files.js';
import { FileClock } from './file-clock.js';
import { removeUnused } from './housekeeping.js';
import { dropTheDead, putOnOurClock, sign, type LocalEntry } from './local-entry.js';
import { UnknownWriteError } from './lock-folder.js';
import { MovedMarks } from './moved-marks.js';
import { Pacer } from './pacer.js';
import { ownIdentity } from './process-identity.js';
import { watchFolder } from './watch-folder.js';

export interface LocalLockStoreOptions {
  /** A folder that only this user can access. @default a folder in the system's folder for temporary files */
  folder?: string;
  /** Locks with different prefixes are independent of each other. */
  prefix: string;
}

type Decide<R> = (entry: LocalEntry, time: StoreTime) => Decision<R>;

const CLEAN_EVERY = 60 * 60 * 1000;
/** Milliseconds between two checks of a waiter whether the holder is still alive. */
const LOOK_EVERY = 100;

/** Locks in files, for the processes of one machine and one user. */
export class LocalLockStore implements LockStore {
  readonly description: string;
  readonly queue: LockQueue = { watch: (name, onNews) => this.#watch(name, () => onNews()) };
  readonly admin: LockAdmin = {
    list: (prefix) => this.#list(prefix),
    force: (request, ms) => this.#force(request, ms),
  };
  readonly runs: LockRuns = {
    read: (jobs, ms) => this.#read(jobs, ms),
    pause: (job, pause, ms) => this.#pause(job, pause, ms),
    publish: (replica, entry, ttl, ms) => this.#publish(replica, entry, ttl, ms),
    replicas: (ms) => this.#replicas(ms),
  };
  readonly #prefix: string;
  readonly #files: EntryFiles;
  readonly #marks: MovedMarks;
  readonly #clock: FileClock;
  readonly #self = ownIdentity();
  #cleaner: NodeJS.Timeout | undefined;
  readonly #ending = new AbortController();

  private constructor(files: EntryFiles, prefix: string) {
    this.description = `local store in ${files.folder}`;
    this.#prefix = prefix;
    this.#files = files;
    this.#marks = new MovedMarks(files);
    this.#clock = new FileClock(files.root);
    void this.#clean();
  }

  /** @throws LockConfigurationError if the folder cannot be used safely */
  static async open({ folder, prefix }: LocalLockStoreOptions): Promise<LocalLockStore> {
    const files = new EntryFiles(folder);
    await files.refuseLinks();
    return new LocalLockStore(files, prefix);
  }

  acquire(request: AcquireRequest, ms: number): Promise<AcquireReply> {
    return this.#decide(request.name, ms, (entry, time) => acquireEntry(entry, request, time), request.claim);
  }

  /** Renews one lease after the other, since each blocks the event loop for a moment. */
  async renew(requests: readonly RenewRequest[], ms: number): Promise<(OwnerReply | undefined)[]> {
    const end = performance.now() + ms;
    const pacer = new Pacer();
    const results: PromiseSettledResult<OwnerReply>[] = [];
    for (const request of requests) {
      results.push(...(await Promise.allSettled([this.#renewOne(request, end - performance.now())])));
      await pacer.pause();
    }
    return answered(results);
  }

  /** Needs no sign for void owners: a call is carried out before it settles, or never. */
  release(request: ReleaseRequest, ms: number): Promise<OwnerReply> {
    return this.#decide(request.name, ms, (entry, time) => releaseEntry(entry, request, time), request.claim);
  }

  inspect(name: string, ms: number): Promise<StoredLock | null> {
    return this.#decide(name, ms, (entry, time) => [inspectEntry(entry, time), false]);
  }

  async close(): Promise<void> {
    clearTimeout(this.#cleaner);
    this.#ending.abort();
    this.#clock.close();
  }

  #watch(name: string, onNews: () => void): () => void {
    const unwatch = watchFolder(this.#files.folderOf(`${this.#prefix}:${name}`), onNews);
    // The death of a process changes no file.
    const timer = setInterval(onNews, LOOK_EVERY).unref();
    return () => {
      clearInterval(timer);
      unwatch();
    };
  }

  async *#list(prefix: string): AsyncGenerator<StoredLock & { name: string }> {
    const ours = `${this.#prefix}:`;
    for await (const { key, entry } of this.#files.all()) {
      if (!key?.startsWith(ours + prefix) || !entry) continue;
      const time = this.#time();
      putOnOurClock(entry, this.#self, time);
      dropTheDead(entry, this.#self, time);
      const held = inspectEntry(entry, time);
      if (held) yield { name: key.slice(ours.length), ...held };
    }
  }

  #force(request: ForceRequest, ms: number): Promise<OwnerReply> {
    return this.#decide(request.name, ms, (entry, time) => forceEntry(entry, request, time));
  }

  async #read(jobs: readonly JobRequest[], ms: number): Promise<JobState[]> {
    const end = performance.now() + ms;
    const pacer = new Pacer();
    const states: JobState[] = [];
    for (const job of jobs) {
      const read: Decide<JobState> = (entry, time) => [readJob(entry, job, time), false];
      states.push(await this.#decide(job.name, end - performance.now(), read, job));
      await pacer.pause();
    }
    return states;
  }

  #pause(job: JobRequest, pause: JobPause | null, ms: number): Promise<void> {
    const decide: Decide<void> = (entry, time) => {
      const before = entry.keepUntil;
      const decision = pauseJob(entry, job, pause, time);
      // Another job whose record was moved may be paused, too.
      if (entry.hasMoved) entry.keepUntil = Math.max(before, entry.keepUntil);
      return decision;
    };
    return this.#decide(job.name, ms, decide, job);
  }

  #publish(replica: string, text: string, ttl: number, ms: number): Promise<void> {
    return this.#decideAt(this.#replicasKey, ms, (entry, time) => {
      const replicas = new ReplicaEntries(entry.replicas);
      replicas.publish(replica, text, time.wall + ttl, time.wall);
      entry.replicas = replicas.toJSON();
      entry.keepUntil = replicas.keptUntil;
      entry.fencingToken = nextToken(entry, time);
      return [undefined, true];
    });
  }

  #replicas(ms: number): Promise<{ entries: readonly string[]; now: number }> {
    return this.#decideAt(this.#replicasKey, ms, (entry, time) => {
      const entries = new ReplicaEntries(entry.replicas).at(time.wall);
      return [{ entries, now: time.wall }, false];
    });
  }

  /** No key of a lock begins like this, and none of moved marks. */
  get #replicasKey(): string {
    return `\0replicas ${this.#prefix}`;
  }

  #renewOne(request: RenewRequest, ms: number): Promise<OwnerReply> {
    return this.#decide(request.name, ms, (entry, time) => renewEntry(entry, request, time));
  }

  /** Decides by the stored entry, and again each time that another process was faster to write. */
  #decide<R>(name: string, ms: number, decide: Decide<R>, job?: JobName): Promise<R> {
    return this.#decideAt(`${this.#prefix}:${name}`, ms, decide, job);
  }

  async #decideAt<R>(key: string, ms: number, decide: Decide<R>, job?: JobName): Promise<R> {
    const end = performance.now() + ms;
    try {
      for (;;) {
        if (this.#ending.signal.aborted) throw new Error(messages.storeClosed());
        if (performance.now() >= end) throw new Error(messages.notInTime());
        const decision = this.#tryToDecide(key, decide, job);
        if (decision) return decision[0];
        await setImmediate();
      }
    } catch (cause) {
      const mayHaveRun = cause instanceof UnknownWriteError;
      throw new LockStoreError(messages.storeThrew(this.description, cause), { cause, mayHaveRun });
    }
  }

  /** Returns undefined if another process was faster to write. */
  #tryToDecide<R>(key: string, decide: Decide<R>, job: JobName | undefined): Decision<R> | undefined {
    const before = this.#files.read(key);
    const entry = before?.entry ?? newEntry();
    const time = this.#time();
    const moved = putOnOurClock(entry, this.#self, time);
    dropTheDead(entry, this.#self, time);
    const mark = job && this.#marks.bringBack(key, entry, job, time);
    const decision = decide(entry, time);
    const [, changed] = decision;
    if (!changed && !moved) return decision;

    sign(entry, this.#self, time);
    const version = before?.version ?? 0;
    this.#marks.moveOut(key, entry, version, job, time);
    if (!this.#files.write(key, entry, before)) return undefined;
    if (job && mark && !entry.marks.get(job)) this.#marks.forget(key, entry, job, mark, version + 1, time);
    return decision;
  }

  #time(): StoreTime {
    const clock = this.#clock;
    let wall: number | undefined;
    return {
      steady: Number(process.hrtime.bigint()) / 1e6,
      // Read when first needed: most refusals need no wall time.
      get wall() {
        return (wall ??= clock.now());
      },
    };
  }

  async #clean(): Promise<void> {
    try {
      await removeUnused(this.#files, this.#self, () => this.#time(), this.#ending.signal);
    } catch {
      // Nothing depends on the cleaning, and the next call of the application reports the same error.
    }
    if (this.#ending.signal.aborted) return;
    this.#cleaner = setTimeout(() => void this.#clean(), CLEAN_EVERY).unref();
  }
}
