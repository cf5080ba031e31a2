import { constants, readdirSync, readFileSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { messages } from '../../common/messages.js';
import { hasCode, ifPossible } from './fs-errors.js';
import { RunMarks, type RunMark } from '../run-marks.js';
import type { LocalEntry } from './local-entry.js';

// One lock's folder holds the versions of its entry, each a file named by its number; the highest is the current one.

/** How many versions may follow on one before its writer, if it stood still, cannot know any more whether it counted. */
export const HISTORY = 64;
const VERSION = /^\d+$/;
const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);

export interface StoredEntry {
  /** Undefined when the file is damaged: a power failure may leave it empty. */
  readonly entry: LocalEntry | undefined;
  /** The name of the lock, with its prefix; undefined when the file is damaged. */
  readonly key: string | undefined;
  /** Names this very version and those before it, newest first; a number may be used twice. */
  readonly ids: readonly string[];
  readonly version: number;
  /** Of the lock. */
  readonly folder: string;
}

/** What a file holds. */
export interface Written extends LocalEntry {
  /** For those who look into the files: the name of the lock cannot be told from that of its folder. */
  readonly key: string;
  readonly ids: readonly string[];
}

interface MarksAsWritten {
  readonly marks: Readonly<Record<string, RunMark>>;
}

type Contents = Pick<StoredEntry, 'entry' | 'key' | 'ids'>;

/** The entry was put in its place, and it cannot be known whether that counted. */
export class UnknownWriteError extends Error {}

export function readCurrent(folder: string): StoredEntry | undefined {
  for (;;) {
    const version = highest(versionsIn(folder));
    if (version === -Infinity) return undefined;
    const found = readVersion(folder, version);
    // A late writer may get a number that was used before. It is not the highest then, so look again.
    if (found && highest(versionsIn(folder)) === version) return { ...found, version, folder };
  }
}

/**
 * Whether what was linked as the version after `before` became the current entry. It did not when this process stood
 * still until then, and others have meanwhile used and removed that number: all below the highest are free again.
 *
 * @throws {UnknownWriteError}
 */
export function confirm(before: StoredEntry, id: string): boolean {
  let cause: unknown;
  try {
    const counted = hasCounted(before, id);
    if (counted !== undefined) return counted;
  } catch (error) {
    cause = error;
  }
  throw new UnknownWriteError(messages.writeUnknown(), { cause });
}

function hasCounted({ folder, version }: StoredEntry, id: string): boolean | undefined {
  const own = version + 1;
  const versions = versionsIn(folder);
  if (highest(versions) === own) {
    // Where the one before is gone, the entry was removed meanwhile: nobody else removes the last one.
    if (!versions.includes(version)) return undefined;
    removeBelow(folder, own, versions);
    return true;
  }
  const current = readCurrent(folder);
  if (!current || current.version <= own) return undefined;
  const counted = current.ids[current.version - own];
  if (counted === undefined) return undefined;
  if (counted === id) return true;
  removeVersion(folder, own);
  return false;
}

/** Whatever is below the highest version is history, which nobody reads. */
export function removeBelow(folder: string, version: number, versions = versionsIn(folder)): void {
  for (const old of versions) if (old < version) removeVersion(folder, old);
}

export function removeVersion(folder: string, version: number): void {
  ifPossible(() => unlinkSync(versionFile(folder, version)));
}

export function versionFile(folder: string, version: number): string {
  return join(folder, String(version));
}

/** Moves a folder to where nothing, or an empty folder, is. */
export function moveFolder(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    // Windows does not replace an empty folder.
    if (!hasCode(error, 'EPERM', 'EEXIST')) throw error;
    ifPossible(() => rmdirSync(to));
    renameSync(from, to);
  }
}

/** None where the folder is missing. */
function versionsIn(folder: string): number[] {
  try {
    const names = readdirSync(folder).filter((name) => VERSION.test(name));
    return names.map(Number);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** -Infinity where there are none. */
function highest(versions: readonly number[]): number {
  return Math.max(...versions);
}

function readVersion(folder: string, version: number): Contents | undefined {
  try {
    // The types do not know that the flag may be a number, as for `open`.
    const flag = READ as unknown as string;
    return parse(readFileSync(versionFile(folder, version), { encoding: 'utf8', flag }));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function parse(text: string): Contents {
  try {
    const { key, ids, marks, ...entry } = JSON.parse(text) as Omit<Written, 'marks'> & MarksAsWritten;
    if (Array.isArray(ids)) return { entry: { ...entry, marks: new RunMarks(marks) }, key, ids };
  } catch {
    // The file is damaged.
  }
  return { entry: undefined, key: undefined, ids: [] };
}
