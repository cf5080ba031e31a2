import { hash } from 'node:crypto';
import { messages } from '../../common/messages.js';
import type { StoreTime } from '../lock-entry.js';
import type { Claim } from '../lock-store.js';
import { nameOf, RunMarks, type RunMark } from '../run-marks.js';
import type { EntryFiles } from './entry-files.js';
import { ifPossible } from './fs-errors.js';
import type { LocalEntry } from './local-entry.js';

/** How many marks are written with each write of a lock. */
const KEPT = 16;
/** Moved with one write: one more than a write can add, so that the rest does not grow. */
const MOVED_AT_ONCE = 2;
/** Others that write the same place are through in a moment; what cannot be moved may stay. */
const TRIES = 10;

interface MovedMark extends RunMark {
  /** The version of the lock that it was moved from: what comes from a later one is newer. */
  readonly since: number;
  /** It is there no more. Kept, for a process that stood still may still move it from the version before. */
  readonly forgotten?: true;
}

/**
 * Marks of a lock beyond the first few, in entries of their own, each with the marks of a 256th of the job: else
 * every renewal would write all that a lock remembers.
 *
 * A mark in the lock's own entry counts, if there is one, and each change of a mark is a new version of that entry. So
 * whoever decides by a moved mark that is not the latest has read a lock that has changed since, and writes nothing.
 */
export class MovedMarks {
  readonly #files: EntryFiles;

  constructor(files: EntryFiles) {
    this.#files = files;
  }

  /** Puts back what a decision about the claim depends on, and returns it. */
  bringBack(key: string, entry: LocalEntry, claim: Claim, time: StoreTime): RunMark | undefined {
    const kept = entry.marks.get(claim);
    if (kept || !entry.hasMoved) return kept;
    const mark = this.#files.read(placeOf(key, nameOf(claim)))?.entry?.marks.get(claim);
    if (!mark || (mark as MovedMark).forgotten) return undefined;
    entry.marks.set(claim, mark, time.wall);
    return mark;
  }

  /**
   * Moves marks that were not used of late, as they are in this version of the lock: but not the one that was decided
   * about. What cannot be moved, for want of room, stays where it is.
   */
  moveOut(
    key: string,
    entry: LocalEntry,
    version: number,
    decided: Claim | undefined,
    time: StoreTime,
  ): void {
    if (entry.marks.size <= KEPT) return;
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
   * To be called when it has been written, as this version, that the mark is there no more. A process that is killed in
   * between leaves one that was moved before, by which the claim is decided as it was a moment ago.
   */
  forget(
    key: string,
    entry: LocalEntry,
    claim: Claim,
    mark: RunMark,
    version: number,
    time: StoreTime,
  ): void {
    // Else nobody has moved any yet, or is about to.
    if (!entry.hasMoved && entry.marks.size < KEPT - 1) return;
    ifPossible(() => this.#put(key, nameOf(claim), { ...mark, since: version, forgotten: true }, time));
  }

  /** @throws when there is no room, or others write there all the time */
  #put(key: string, name: string, mark: MovedMark, { wall }: StoreTime): void {
    const place = placeOf(key, name);
    for (let tries = 0; tries < TRIES; tries++) {
      const before = this.#files.read(place);
      const marks = (before?.entry?.marks.toJSON() ?? {}) as Record<string, MovedMark>;
      const found = marks[name];
      // This process stood still, and somebody has moved a later one.
      if (found && found.since > mark.since) return;
      if (this.#files.write(place, entryOf({ ...marks, [name]: mark }, wall), before)) return;
    }
    throw new Error(messages.notInTime());
  }
}

/** Without those whose time is over; with the last of them it is removed like a lock that nobody uses. */
function entryOf(marks: Record<string, MovedMark>, now: number): LocalEntry {
  const kept = Object.entries(marks).filter(([, { until }]) => until > now);
  return {
    marks: new RunMarks(Object.fromEntries(kept)),
    keepUntil: Math.max(0, ...kept.map(([, { until }]) => until)),
    fencingToken: Math.floor(now * 1000),
  };
}

/** No key of a lock begins like this. */
function placeOf(key: string, name: string): string {
  return `\0${hash('sha256', name).slice(0, 2)} ${key}`;
}
