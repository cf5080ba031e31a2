import { statSync } from 'node:fs';
import { stat, statfs, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import type { LocalEntry } from './local-entry.js';

export const DATABASE_FILE = 'locks.mdb';
export const DATABASE_FILES: readonly string[] = [DATABASE_FILE, `${DATABASE_FILE}-lock`];

/** Address space, not disk: the file grows as it is needed. */
const MAP_SIZE = 1024 ** 3;
const MAX_READERS = 1024;
/** Enough for some thousand locks. */
const RESERVE = 1024 ** 2;
/** No lock has such a key: it has no prefix. */
const RESERVE_KEY = 'reserve';
/** What lmdb takes as the version of an entry that must not exist; its types do not know. */
const IF_MISSING = null as unknown as number;

export interface StoredEntry {
  readonly key: string;
  readonly entry: LocalEntry;
  /** Changes with every write of the entry. */
  readonly version: number;
}

/**
 * The entries in LMDB, written by compare-and-set. lmdb's transactions with a callback would hold the
 * machine's one write lock until the event loop gets round to the callback: a process with a blocked loop
 * would stop all others. A conditional write holds it for the commit alone, on a thread of lmdb's own.
 */
export class LockDatabase {
  readonly #db: RootDatabase<LocalEntry, string>;
  readonly #file: string;
  readonly #inode: number;

  private constructor(db: RootDatabase<LocalEntry, string>, file: string) {
    this.#db = db;
    this.#file = file;
    this.#inode = statSync(file).ino;
  }

  static async open(file: string): Promise<LockDatabase> {
    const { open } = await import('lmdb').catch((cause: unknown) => {
      throw new LockConfigurationError(messages.missingPeer('lmdb', 'local'), { cause });
    });
    // Batching by turns makes a promise of its own for each commit that nobody handles: a full disk would end
    // the process. Writes of one turn share a transaction all the same.
    const options = {
      noSubdir: true,
      encoding: 'json',
      useVersions: true,
      eventTurnBatching: false,
    } as const;
    const db = open<LocalEntry, string>(file, { ...options, mapSize: MAP_SIZE, maxReaders: MAX_READERS });
    const database = new LockDatabase(db, file);
    await database.#reserve(file);
    return database;
  }

  /** The entry as it is now. */
  read(key: string): StoredEntry | undefined {
    return this.#fresh(() => {
      const found = this.#db.getEntry(key);
      return found && { key, entry: found.value, version: found.version ?? 0 };
    });
  }

  /** Up to `limit` entries with keys beyond `after`, in the order of their keys. */
  scan(after: string | undefined, limit: number): StoredEntry[] {
    return this.#fresh(() => {
      const range = this.#db.getRange({
        start: after,
        exclusiveStart: after !== undefined,
        limit,
        versions: true,
      });
      return Array.from(range, ({ key, value, version }) => ({ key, entry: value, version: version ?? 0 }));
    });
  }

  /** Writes unless the entry has changed since it was read as `before`; undefined: since it was missing. */
  async write(key: string, entry: LocalEntry, before: StoredEntry | undefined): Promise<boolean> {
    this.#refuseWhenParted();
    // Larger than any before, also than that of an entry of the same name that was removed.
    const version = Math.max((before?.version ?? 0) + 1, Math.floor(Date.now() * 1000));
    return settled(this.#db.put(key, entry, version, before?.version ?? IF_MISSING));
  }

  /** Removes the entry unless it has changed since. */
  async remove({ key, version }: StoredEntry): Promise<boolean> {
    return settled(this.#db.remove(key, version));
  }

  /** Keeps cleaners of temporary files from taking the files of a process that lives for weeks for old ones. */
  async touch(): Promise<void> {
    const now = new Date();
    await Promise.all([this.#file, `${this.#file}-lock`].map((file) => utimes(file, now, now)));
  }

  /** Frees what processes left in the table of readers when they died. */
  clearDeadReaders(): void {
    (this.#db as unknown as { readerCheck(): void }).readerCheck();
  }

  async close(): Promise<void> {
    await this.#db.close();
  }

  /** Where the files were removed under us, processes that started since have others, and do not see our locks. */
  #refuseWhenParted(): void {
    if (statSync(this.#file, { throwIfNoEntry: false })?.ino === this.#inode) return;
    throw new Error(messages.databaseGone(this.#file));
  }

  /** A write on a full disk may crash the process (lmdb 3.5 overflows a buffer): take the space beforehand. */
  async #reserve(file: string): Promise<void> {
    if ((await stat(file)).size >= RESERVE) return;
    const { bavail, bsize } = await statfs(dirname(file));
    if (bavail * bsize < 4 * RESERVE) {
      await this.close();
      const remedy = 'free 4 MB or name another';
      throw new LockConfigurationError(messages.folderRefused(dirname(file), 'its disk is full', remedy));
    }
    // The pages of a removed entry stay in the file, and are used again from the second commit after.
    for (const length of [RESERVE, 0, 0]) {
      await settled(this.#db.put(RESERVE_KEY, 'x'.repeat(length) as unknown as LocalEntry, 1));
      await settled(this.#db.remove(RESERVE_KEY));
    }
  }

  /** lmdb keeps its snapshot for a turn of the event loop: too old to decide by, and it pins pages. */
  #fresh<R>(read: () => R): R {
    this.#db.resetReadTxn();
    try {
      return read();
    } finally {
      this.#db.resetReadTxn();
    }
  }
}

/** A failed commit carries the promise of its reason, which nobody else handles. */
async function settled(write: Promise<boolean>): Promise<boolean> {
  try {
    return await write;
  } catch (error) {
    await (error as { commitError?: Promise<never> }).commitError;
    throw error;
  }
}
