import { constants, readdirSync, readFileSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { messages } from '../../common/messages.js';
import { hasCode, ifPossible } from './fs-errors.js';
import { RunMarks, type RunMark } from '../run-marks.js';
import type { LocalEntry } from './local-entry.js';

// The folder of a lock contains the versions of its entry: files named by their numbers. The highest is the current
// one.

/**
 * The most versions that may follow a version before its writer, if it was stopped, can no longer find out whether it
 * counted.
 */
export const HISTORY = 64;
const VERSION = /^\d+$/;
const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);

export interface StoredEntry {
  /** Undefined if the file is damaged: a power failure may leave it empty. */
  readonly entry: LocalEntry | undefined;
  /** The name of the lock, with its prefix; undefined if the file is damaged. */
  readonly key: string | undefined;
  /** Unique ids of this version and of those before it, newest first. The number of a version may be used twice. */
  readonly ids: readonly string[];
  readonly version: number;
  /** The folder of the lock. */
  readonly folder: string;
}

/** The contents of a file. */
export interface Written extends LocalEntry {
  /** For people who look into the files: the name of the folder does not show the name of the lock. */
  readonly key: string;
  readonly ids: readonly string[];
}

interface MarksAsWritten {
  readonly marks: Readonly<Record<string, RunMark>>;
}

type Contents = Pick<StoredEntry, 'entry' | 'key' | 'ids'>;

/** The entry was linked, but it is impossible to find out whether it became the current one. */
export class UnknownWriteError extends Error {}

export function readCurrent(folder: string): StoredEntry | undefined {
  for (;;) {
    const version = highest(versionsIn(folder));
    if (version === -Infinity) return undefined;
    const found = readVersion(folder, version);
    // A late writer may get a number that was used before. Then it is not the highest, so look again.
    if (found && highest(versionsIn(folder)) === version) return { ...found, version, folder };
  }
}

/**
 * Whether the version that was linked after `before` became the current entry. It did not if this process was stopped
 * before it made the link, and others have used and removed that number meanwhile: all numbers below the highest are
 * free again.
 *
 * @throws UnknownWriteError
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
    // If the version before it is gone, the entry was removed meanwhile: only a removal removes the current version.
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

/** Removes the versions below `version`, which nobody reads any more. */
export function removeBelow(folder: string, version: number, versions = versionsIn(folder)): void {
  for (const old of versions) if (old < version) removeVersion(folder, old);
}

export function removeVersion(folder: string, version: number): void {
  ifPossible(() => unlinkSync(versionFile(folder, version)));
}

export function versionFile(folder: string, version: number): string {
  return join(folder, String(version));
}

/** Moves a folder. The target must not exist, or be an empty folder. */
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

/** The versions in a folder; none if it does not exist. */
function versionsIn(folder: string): number[] {
  try {
    const names = readdirSync(folder).filter((name) => VERSION.test(name));
    return names.map(Number);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** The highest version; -Infinity if there are none. */
function highest(versions: readonly number[]): number {
  return Math.max(...versions);
}

function readVersion(folder: string, version: number): Contents | undefined {
  try {
    // The flag may be a number, as for `open`, which the types do not allow.
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
