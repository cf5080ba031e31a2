import type { AcquireRequest } from './lock-store.js';
import { PLACE_RETENTION, TURN_TIMEOUT } from './lock-store.js';

/** A place in the line of those who wait for a lock of an embedded store. Times are on the store's steady clock. */
export interface Place {
  readonly record: string;
  readonly ttl: number;
  /** When it began to wait. */
  readonly since: number;
  /** When it asked last. */
  asked: number;
  /** Whose it is, where the store can tell whether that is still there. */
  process?: unknown;
}

/** Puts the caller in line, or keeps its place. Returns whether there is anything to write. */
export function standInLine(
  line: Place[],
  request: AcquireRequest & { waited: number },
  now: number,
): boolean {
  const place = line.find(({ record }) => record === request.record);
  if (place) {
    // Not at every question: each write of a lock wakes all who wait for it.
    if (now - place.asked < PLACE_RETENTION / 4) return false;
    place.asked = now;
    return true;
  }
  const { record, ttl, waited } = request;
  line.push({ record, ttl, since: now - waited, asked: now });
  line.sort((a, b) => a.since - b.since);
  return true;
}

/** Takes out of the line who is next, and those before it who are not there any more. */
export function takeNext(line: Place[], now: number): Place | undefined {
  for (let next = line.shift(); next; next = line.shift()) {
    // The steady clock starts anew with the machine: what was asked later than now was asked before that.
    if (next.asked <= now && now - next.asked <= PLACE_RETENTION) return next;
  }
  return undefined;
}

/** Takes a caller out of the line. Returns whether it was in it. */
export function leaveLine(line: Place[], record: string): boolean {
  const at = line.findIndex((place) => place.record === record);
  if (at >= 0) line.splice(at, 1);
  return at >= 0;
}

/** For how long the lock is given to whoever is next, unless it asks for it. */
export function turnOf({ ttl }: Place): number {
  return Math.min(ttl, TURN_TIMEOUT);
}
