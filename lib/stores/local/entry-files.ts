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

/** Where entries are made before they are put in their place. */
const DRAFTS = 'new';
const CONTENTS: Contents = new Map([
  [DRAFTS, 'folder'],
  [CLOCK_FILE, 'file'],
]);
/** Enough that a file system with room for 32,000 folders in one has it for all, and that each is read in no time. */
const BUCKET = /^[0-9a-f]{2}$/;
const LOCK_FOLDER = /^[0-9a-f]{64}$/;
const NEW_FILE = { flag: 'wx', mode: 0o600 };

/**
 * The entries as files, written by compare-and-set: `<bucket>/<hash of the key>/<version>`. The next version is made
 * by a link of that name, which the file system grants to one process. Nobody waits for anybody: a process that is
 * stopped or killed anywhere in here holds up no other.
 *
 * What concerns one entry is synchronous: nothing is under way any more when a caller gives up.
 */
export class EntryFiles {
  readonly folder: string;
  /** Where everything of ours is. */
  readonly root: string;
  readonly #drafts: string;
  readonly #link: typeof linkSync;
  readonly #writer = randomBytes(8).toString('hex');
  #writes = 0;

  /** @throws {LockConfigurationError} when the folder cannot be used safely, or its file system has no hard links */
  constructor(named: string | undefined, link = linkSync) {
    [this.folder, this.root] = openLayout(named);
    preparePrivateFolder(this.root, CONTENTS);
    this.#drafts = join(this.root, DRAFTS);
    this.#link = link;
    refuseWithoutLinks(this.folder, join(this.#drafts, this.#writer), link);
  }

  /** The entry as it is now. */
  read(key: string): StoredEntry | undefined {
    // It may have been removed, and made anew by somebody else.
    refuseUnlessPrivate(this.folder);
    return readCurrent(this.folderOf(key));
  }

  /**
   * Writes unless the entry has changed since it was read as `before`; undefined: since it was missing.
   *
   * @throws {UnknownWriteError} when others have written while this process stood still in the middle of it
   */
  write(key: string, entry: LocalEntry, before: StoredEntry | undefined): boolean {
    const id = `${this.#writer}.${++this.#writes}`;
    const ids = [id, ...(before?.ids ?? [])].slice(0, HISTORY);
    const text = JSON.stringify({ ...entry, key, ids } satisfies Written);
    // As a first version the fencing token is higher than those of an entry of this name that was removed: it grows with time.
    return before ? this.#follow(before, id, text) : this.#begin(key, id, text, entry.fencingToken);
  }

  /** @throws {LockConfigurationError} when there is a link among the folders of locks, which would lead somewhere else */
  async refuseLinks(): Promise<void> {
    for (const bucket of await this.#buckets()) {
      refuseForeignIn(bucket, await readdir(bucket, { withFileTypes: true }));
    }
  }

  /** All entries, each read when its turn comes. The event loop turns meanwhile. */
  async *all(pacer = new Pacer()): AsyncGenerator<StoredEntry> {
    for (const bucket of await this.#buckets()) {
      for (const name of await namesIn(bucket)) {
        await pacer.pause();
        const stored = LOCK_FOLDER.test(name) ? readCurrent(join(bucket, name)) : undefined;
        if (stored) yield stored;
      }
    }
  }

  /** Where the versions of this entry are, if there are any. */
  folderOf(key: string): string {
    const name = hash('sha256', key);
    return join(this.root, name.slice(0, 2), name);
  }

  /** Removes the entry unless it has changed since: whoever wrote the next version removes this one too. */
  remove({ folder, version }: StoredEntry): void {
    // The current one last: none before it must become current again.
    removeBelow(folder, version);
    removeVersion(folder, version);
    ifPossible(() => rmdirSync(folder));
  }

  /** Removes what processes have left here that were killed before `time`, milliseconds since the epoch. */
  async removeDrafts(time: number): Promise<void> {
    for (const name of await namesIn(this.#drafts)) {
      const draft = join(this.#drafts, name);
      const made = lstatSync(draft, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
      if (made < time) ifPossible(() => rmSync(draft, { recursive: true }));
    }
  }

  /** Keeps cleaners of temporary files from taking for old what a process uses that lives for weeks. */
  touch(stored?: StoredEntry): void {
    const now = new Date();
    const files = stored
      ? [versionFile(stored.folder, stored.version)]
      : [this.folder, this.root, this.#drafts];
    for (const file of files) ifPossible(() => utimesSync(file, now, now));
  }

  /** In an order of its own each time: whoever lives too short to see all of them begins somewhere else than the others. */
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

  /** The folder appears with its first version in it: an empty one is nobody's. */
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

  /** What the error of a write means: somebody was faster, or has removed a folder, which is made anew. */
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

/** None where the folder is missing. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
