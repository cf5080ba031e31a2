import { hash, randomBytes } from 'node:crypto';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CLOCK_FILE } from './file-clock.js';
import { hasCode, ifPossible } from './fs-errors.js';
import type { LocalEntry } from './local-entry.js';
import {
  HISTORY,
  confirm,
  moveFolder,
  readCurrent,
  removeBelow,
  removeVersion,
  versionFile,
  type StoredEntry,
  type Written,
} from './lock-folder.js';
import { openLayout } from './layout-folder.js';
import { Pacer } from './pacer.js';
import {
  preparePrivateFolder,
  refuseForeignIn,
  refuseUnlessPrivate,
  refuseWithoutLinks,
  type Contents,
} from './private-folder.js';

/** The folder in which entries are written before they are moved to their place. */
const DRAFTS = 'new';
const CONTENTS: Contents = new Map([
  [DRAFTS, 'folder'],
  [CLOCK_FILE, 'file'],
]);
/** 256 buckets: enough for file systems that allow 32,000 folders in one, and small enough to be listed quickly. */
const BUCKET = /^[0-9a-f]{2}$/;
const LOCK_FOLDER = /^[0-9a-f]{64}$/;
const NEW_FILE = { flag: 'wx', mode: 0o600 };

/**
 * The entries as files, written by compare-and-set: `<bucket>/<hash of the key>/<version>`. To write the next version,
 * a process makes a hard link of that name; the file system lets only one process do so. No process waits for another,
 * so a process that is stopped or killed at any point delays no other.
 *
 * All work on one entry is synchronous: nothing is under way any more when a caller gives up.
 */
export class EntryFiles {
  readonly folder: string;
  /** The folder of this layout: all files of the store are in it. */
  readonly root: string;
  readonly #drafts: string;
  readonly #link: typeof linkSync;
  readonly #writer = randomBytes(8).toString('hex');
  #writes = 0;

  /** @throws LockConfigurationError if the folder cannot be used safely, or its file system has no hard links */
  constructor(named: string | undefined, link = linkSync) {
    [this.folder, this.root] = openLayout(named);
    preparePrivateFolder(this.root, CONTENTS);
    this.#drafts = join(this.root, DRAFTS);
    this.#link = link;
    refuseWithoutLinks(this.folder, join(this.#drafts, this.#writer), link);
  }

  /** The entry as it is now. */
  read(key: string): StoredEntry | undefined {
    // Another user may have removed and recreated the folder.
    refuseUnlessPrivate(this.folder);
    return readCurrent(this.folderOf(key));
  }

  /**
   * Writes the entry unless it has changed since it was read as `before`, or exists although `before` is undefined.
   * Returns whether it was written.
   *
   * @throws UnknownWriteError if others have written while this process was stopped during the write
   */
  write(key: string, entry: LocalEntry, before: StoredEntry | undefined): boolean {
    const id = `${this.#writer}.${++this.#writes}`;
    const ids = [id, ...(before?.ids ?? [])].slice(0, HISTORY);
    const text = JSON.stringify({ ...entry, key, ids } satisfies Written);
    // The first version is the fencing token, which grows with time: it is higher than all versions of an entry of the
    // same name that was removed.
    return before ? this.#follow(before, id, text) : this.#begin(key, id, text, entry.fencingToken);
  }

  /** @throws LockConfigurationError if there is a symbolic link among the folders of locks */
  async refuseLinks(): Promise<void> {
    for (const bucket of await this.#buckets()) {
      refuseForeignIn(bucket, await readdir(bucket, { withFileTypes: true }));
    }
  }

  /** Yields all entries, each read when it is needed. Does not block the event loop. */
  async *all(pacer = new Pacer()): AsyncGenerator<StoredEntry> {
    for (const bucket of await this.#buckets()) {
      for (const name of await namesIn(bucket)) {
        await pacer.pause();
        const stored = LOCK_FOLDER.test(name) ? readCurrent(join(bucket, name)) : undefined;
        if (stored) yield stored;
      }
    }
  }

  /** The folder of the versions of this entry. It may not exist. */
  folderOf(key: string): string {
    const name = hash('sha256', key);
    return join(this.root, name.slice(0, 2), name);
  }

  /** Removes the entry unless it has changed: the writer of a newer version has removed this one. */
  remove({ folder, version }: StoredEntry): void {
    // The current version last, so that no older one becomes current again.
    removeBelow(folder, version);
    removeVersion(folder, version);
    ifPossible(() => rmdirSync(folder));
  }

  /** Removes the drafts of processes that were killed before `time`, milliseconds since the epoch. */
  async removeDrafts(time: number): Promise<void> {
    for (const name of await namesIn(this.#drafts)) {
      const draft = join(this.#drafts, name);
      const made = lstatSync(draft, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
      if (made < time) ifPossible(() => rmSync(draft, { recursive: true }));
    }
  }

  /** Renews the times of files, so that cleaners of temporary files keep the files of a process that runs for weeks. */
  touch(stored?: StoredEntry): void {
    const now = new Date();
    const files = stored
      ? [versionFile(stored.folder, stored.version)]
      : [this.folder, this.root, this.#drafts];
    for (const file of files) ifPossible(() => utimesSync(file, now, now));
  }

  /** Starts at a random bucket each time, so that processes that end early do not always visit the same ones. */
  async #buckets(): Promise<string[]> {
    const names = (await namesIn(this.root)).filter((name) => BUCKET.test(name));
    const first = Math.floor(Math.random() * names.length);
    return [...names.slice(first), ...names.slice(0, first)].map((name) => join(this.root, name));
  }

  #follow(before: StoredEntry, id: string, text: string): boolean {
    const draft = join(this.#drafts, id);
    try {
      writeFileSync(draft, text, NEW_FILE);
      this.#link(draft, versionFile(before.folder, before.version + 1));
    } catch (error) {
      return this.#outrun(error, ['EEXIST']);
    } finally {
      ifPossible(() => unlinkSync(draft));
    }
    return confirm(before, id);
  }

  /** The folder appears with its first version in it. An empty folder belongs to no entry. */
  #begin(key: string, id: string, text: string, version: number): boolean {
    const draft = join(this.#drafts, id);
    const folder = this.folderOf(key);
    try {
      mkdirSync(draft, { mode: 0o700 });
      writeFileSync(versionFile(draft, version), text, NEW_FILE);
      const bucket = dirname(folder);
      if (!existsSync(bucket)) ifPossible(() => mkdirSync(bucket, { mode: 0o700 }));
      moveFolder(draft, folder);
      return true;
    } catch (error) {
      ifPossible(() => rmSync(draft, { recursive: true }));
      return this.#outrun(error, ['ENOTEMPTY', 'EEXIST', 'EPERM']);
    }
  }

  /**
   * Returns false for errors that mean that another process was faster, or has removed a folder; recreates the folders.
   */
  #outrun(error: unknown, codes: readonly string[]): false {
    if (hasCode(error, 'ENOENT')) this.#prepare();
    else if (!hasCode(error, ...codes)) throw error;
    return false;
  }

  #prepare(): void {
    openLayout(this.folder);
    preparePrivateFolder(this.root, CONTENTS);
  }
}

/** The names in a folder; none if it does not exist. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
