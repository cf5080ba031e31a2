import { join } from 'node:path';
import { LockError, LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { within } from '../../common/within.js';
import { answered } from '../answered.js';
import {
  acquireEntry,
  inspectEntry,
  newEntry,
  releaseEntry,
  renewEntry,
  type StoreTime,
} from '../lock-entry.js';
import type {
  AcquireReply,
  AcquireRequest,
  LockStore,
  OwnerReply,
  OwnerRequest,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
} from '../lock-store.js';
import { refuseDamagedDatabase } from './database-file.js';
import { CLOCK_FILE, FileClock } from './file-clock.js';
import { removeUnused } from './housekeeping.js';
import { dropDeadHolder, signHolder, type LocalEntry } from './local-entry.js';
import { DATABASE_FILE, DATABASE_FILES, LockDatabase, type StoredEntry } from './lock-database.js';
import { preparePrivateFolder, refuseForeignFiles } from './private-folder.js';
import { ownIdentity } from './process-identity.js';

export interface LocalLockStoreOptions {
  /** Of its own, and accessible by this user only. Default: one in the system's folder for temporary files. */
  folder?: string;
  /** Locks with different prefixes have nothing to do with each other. */
  prefix: string;
}

/** What a decision answers, and whether it has changed the entry. */
type Decision<R> = readonly [reply: R, changed: boolean];

/** One call, as the caller sees it. */
interface Call {
  /** Something was handed to the database, which may carry it out although the caller has given up. */
  mayHaveRun: boolean;
  /** The caller has had its answer: nothing more must be begun. */
  abandoned: boolean;
}

const CLEAN_EVERY = 60 * 60 * 1000;
/** A write that waits for a stopped process must not keep this one from ending. */
const CLOSE_WITHIN = 2000;

/** Locks in a database file, for the processes of one machine and one user. */
export class LocalLockStore implements LockStore {
  readonly description: string;
  readonly #prefix: string;
  readonly #database: LockDatabase;
  readonly #clock: FileClock;
  readonly #self = ownIdentity();
  /** Writes of this process that are under way, by key. */
  readonly #writes = new Map<string, Promise<unknown>>();
  readonly #cleaner: NodeJS.Timeout;
  readonly #ending = new AbortController();
  #closed: Promise<void> | undefined;

  private constructor(folder: string, prefix: string, database: LockDatabase) {
    this.description = `local store in ${folder}`;
    this.#prefix = prefix;
    this.#database = database;
    this.#clock = new FileClock(folder);
    void this.#clean();
    this.#cleaner = setInterval(() => void this.#clean(), CLEAN_EVERY).unref();
  }

  /** @throws {LockConfigurationError} when lmdb is missing, or the folder cannot be used safely */
  static async open({ folder: named, prefix }: LocalLockStoreOptions): Promise<LocalLockStore> {
    const folder = await preparePrivateFolder(named);
    await refuseForeignFiles(folder, [...DATABASE_FILES, CLOCK_FILE]);
    const file = join(folder, DATABASE_FILE);
    await refuseDamagedDatabase(file);
    try {
      return new LocalLockStore(folder, prefix, await LockDatabase.open(file));
    } catch (cause) {
      if (cause instanceof LockError) throw cause;
      throw new LockStoreError(messages.databaseNotOpened(file, cause), { cause, mayHaveRun: false });
    }
  }

  acquire(request: AcquireRequest, ms: number): Promise<AcquireReply> {
    return this.#bounded(ms, (call) =>
      this.#decide(request.name, call, (entry, time) => {
        const reply = acquireEntry(entry, request, time);
        return [reply, reply.status === 'granted'];
      }),
    );
  }

  /** All that nobody else changes at the same moment goes into one transaction. */
  renew(requests: readonly RenewRequest[], ms: number): Promise<(OwnerReply | undefined)[]> {
    const renewOne = (request: RenewRequest, call: Call) =>
      this.#decide(request.name, call, (entry, time) => {
        const reply = renewEntry(entry, request, time);
        return [reply, reply === 'held'];
      });
    return this.#bounded(ms, async (call) => {
      const results = await Promise.allSettled(requests.map((request) => renewOne(request, call)));
      return answered(results);
    });
  }

  release(request: ReleaseRequest, ms: number): Promise<OwnerReply> {
    const releaseIt = (call: Call) =>
      this.#decide(request.name, call, (entry, time) => {
        const reply = releaseEntry(entry, request, time);
        return [reply, reply === 'held'];
      });
    // A write of an acquire that was given up may land late: this comes after it, however long that takes.
    return this.#bounded(ms, releaseIt, { persistent: true });
  }

  /** A write of this process comes before whatever is asked later, so the release has the last word. */
  undo(request: OwnerRequest, ms: number): Promise<OwnerReply> {
    return this.release(request, ms);
  }

  inspect(name: string, ms: number): Promise<StoredLock | null> {
    return this.#bounded(ms, (call) =>
      this.#decide(name, call, (entry, time) => [inspectEntry(entry, time), false]),
    );
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  /** Decides on what is stored now, and again whenever another process was faster to write. */
  async #decide<R>(
    name: string,
    call: Call,
    decide: (entry: LocalEntry, time: StoreTime) => Decision<R>,
  ): Promise<R> {
    const key = `${this.#prefix}:${name}`;
    for (;;) {
      // What an earlier call has handed over may land yet, also when its caller has given up: it goes first.
      for (let write = this.#writes.get(key); write; write = this.#writes.get(key)) await write;
      if (this.#closed) throw new Error(messages.storeClosed());
      if (call.abandoned) throw new Error(messages.callerGone());

      const before = this.#database.read(key);
      const entry = before?.entry ?? newEntry();
      const time = this.#time();
      dropDeadHolder(entry, this.#self, time);
      const [reply, changed] = decide(entry, time);
      if (!changed) return reply;

      signHolder(entry, this.#self, time);
      call.mayHaveRun = true;
      if (await this.#write(key, entry, before)) return reply;
    }
  }

  async #write(key: string, entry: LocalEntry, before: StoredEntry | undefined): Promise<boolean> {
    const write = this.#database.write(key, entry, before);
    this.#writes.set(
      key,
      write.catch(() => false),
    );
    try {
      return await write;
    } finally {
      this.#writes.delete(key);
    }
  }

  async #bounded<R>(ms: number, run: (call: Call) => Promise<R>, { persistent = false } = {}): Promise<R> {
    const call: Call = { mayHaveRun: false, abandoned: false };
    try {
      const answer = await within(
        ms,
        run(call).then((value) => ({ value })),
      );
      if (answer) return answer.value;
      call.abandoned = !persistent;
      call.mayHaveRun ||= persistent;
      throw new Error(messages.localStoreLate(ms));
    } catch (cause) {
      const { mayHaveRun } = call;
      throw new LockStoreError(messages.storeThrew(this.description, cause), { cause, mayHaveRun });
    }
  }

  #time(): StoreTime {
    const clock = this.#clock;
    let wall: number | undefined;
    return {
      steady: Number(process.hrtime.bigint()) / 1e6,
      // Only when asked for: most tries that lose need no wall time.
      get wall() {
        return (wall ??= clock.now());
      },
    };
  }

  async #clean(): Promise<void> {
    try {
      this.#database.clearDeadReaders();
      await this.#database.touch();
      await removeUnused(this.#database, this.#self, () => this.#time(), this.#ending.signal);
    } catch {
      // Nothing depends on it, and whatever is wrong fails the next call of an application too.
    }
  }

  async #close(): Promise<void> {
    clearInterval(this.#cleaner);
    this.#ending.abort();
    // What cannot be closed in time, or at all, ends with the process.
    await within(CLOSE_WITHIN, this.#database.close()).catch(() => undefined);
    this.#clock.close();
  }
}
