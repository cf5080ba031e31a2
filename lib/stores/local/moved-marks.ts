import { hash } from 'node:crypto';
import { messages } from '../../common/messages.js';
import type { StoreTime } from '../lock-entry.js';
import { keptUntil, nameOf, RunMarks, type JobName, type RunMark } from '../run-marks.js';
import type { EntryFiles } from './entry-files.js';
import { ifPossible } from './fs-errors.js';
import type { LocalEntry } from './local-entry.js';

/** The number of marks that stay in the entry of a lock. */
const KEPT = 16;
/** The number of runs that stay there, of about 200 bytes each. */
const KEPT_RUNS = 100;
/** The marks that one write moves: one more than it can add, so that the entry does not grow. */
const MOVED_AT_ONCE = 2;
/** Other writers of the same entry are done in a moment. A mark that cannot be moved may stay. */
const TRIES = 10;

interface MovedMark extends RunMark {
  /** The version of the lock from which it was moved. A mark from a later version is newer. */
  readonly since: number;
  /** The mark is deleted. It is kept since a process that was stopped may still move it from an older version. */
  readonly forgotten?: true;
}

/**
 * The marks of a lock beyond the first few, with everything else that is known of their jobs. They are in 256 entries of
 * their own, by a hash of the job. Otherwise every renewal would write all that the lock remembers.
 *
 * A mark in the entry of the lock overrides a moved one, and each change of a mark makes a new version of that entry.
 * So a process that decides by an outdated moved mark has read an outdated version of the lock, and its write fails.
 */
export class MovedMarks {
  readonly #files: EntryFiles;

  constructor(files: EntryFiles) {
    this.#files = files;
  }

  /** Puts back what a decision about the job depends on, and returns it. */
  bringBack(key: string, entry: LocalEntry, job: JobName, time: StoreTime): RunMark | undefined {
    const kept = entry.marks.get(job);
    if (kept || !entry.hasMoved) return kept;
    const mark = this.#files.read(placeOf(key, nameOf(job)))?.entry?.marks.get(job);
    if (!mark || (mark as MovedMark).forgotten) return undefined;
    entry.marks.set(job, mark, time.wall);
    return mark;
  }

  /**
   * Moves marks that were not used recently, as they are in this version of the lock, but not the mark of the claim
   * that was decided. A mark that cannot be moved, for example because the disk is full, stays.
   */
  moveOut(
    key: string,
    entry: LocalEntry,
    version: number,
    decided: JobName | undefined,
    time: StoreTime,
  ): void {
    if (entry.marks.size <= KEPT && entry.marks.runs <= KEPT_RUNS) return;
    const marks = entry.marks.toJSON();
    const inUse = decided && nameOf(decided);
    const others = Object.keys(marks).filter((name) => name !== inUse);
    for (const name of others.slice(0, MOVED_AT_ONCE)) {
      ifPossible(() => {
        this.#put(key, name, { ...marks[name], since: version }, time);
        delete marks[name];
        entry.hasMoved = true;
      });
    }
    entry.marks = new RunMarks(marks);
  }

  /**
   * Call this after `version` of the lock was written without the mark. A process that is killed before this call
   * leaves the moved mark behind; then the claim is decided as before the deletion.
   */
  forget(
    key: string,
    entry: LocalEntry,
    job: JobName,
    mark: RunMark,
    version: number,
    time: StoreTime,
  ): void {
    // With so few, no process has moved one or is about to.
    const { size, runs } = entry.marks;
    if (!entry.hasMoved && size < KEPT - 1 && runs < KEPT_RUNS) return;
    ifPossible(() => this.#put(key, nameOf(job), { ...mark, since: version, forgotten: true }, time));
  }

  /** @throws if the disk is full, or others write the same entry all the time */
  #put(key: string, name: string, mark: MovedMark, { wall }: StoreTime): void {
    const place = placeOf(key, name);
    for (let tries = 0; tries < TRIES; tries++) {
      const before = this.#files.read(place);
      const marks = (before?.entry?.marks.toJSON() ?? {}) as Record<string, MovedMark>;
      const found = marks[name];
      // This process was stopped, and another one has moved a newer mark.
      if (found && found.since > mark.since) return;
      if (this.#files.write(place, entryOf({ ...marks, [name]: mark }, wall), before)) return;
    }
    throw new Error(messages.notInTime());
  }
}

/** An entry of moved marks, without the expired ones. When the last has expired, it is removed like an unused lock. */
function entryOf(marks: Record<string, MovedMark>, now: number): LocalEntry {
  const kept = Object.entries(marks).filter(([, mark]) => keptUntil(mark) > now);
  return {
    marks: new RunMarks(Object.fromEntries(kept)),
    keepUntil: Math.max(0, ...kept.map(([, mark]) => keptUntil(mark))),
    fencingToken: Math.floor(now * 1000),
  };
}

/** The key of the entry for a moved mark. No key of a lock begins like this. */
function placeOf(key: string, name: string): string {
  return `\0${hash('sha256', name).slice(0, 2)} ${key}`;
}
