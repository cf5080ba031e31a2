import { isErrorLike } from '../common/error-like.js';
import type { EndOfRun } from '../stores/lock-store.js';

/** What the work has thrown: anything, undefined too. */
export interface Thrown {
  readonly error: unknown;
}

/** The part of a lease that tells how its work ended. */
interface Ended {
  readonly fencingToken: number;
  readonly held: boolean;
}

/** Of a stored error: the first line of its message, and no more of it. The rest is for the log of the application. */
const LONGEST_LINE = /^.{0,200}/u;

/** How a run has ended whose lease was not given back yet. */
export function endOfRun({ fencingToken, held }: Ended, thrown: Thrown | undefined): EndOfRun {
  const outcome = held ? (thrown ? 'failed' : 'succeeded') : 'lost';
  return { fencingToken, outcome, error: thrown && errorLine(thrown.error) };
}

/** The first line of an error's message, 200 characters at most. */
export function errorLine(error: unknown): string {
  const [line = ''] = textOf(error)
    .trim()
    .split(/[\r\n]/, 1);
  return LONGEST_LINE.exec(line)?.[0] ?? '';
}

function textOf(error: unknown): string {
  if (isErrorLike(error)) return error.message || error.name;
  try {
    return String(error);
  } catch {
    return 'a value that is no error';
  }
}
