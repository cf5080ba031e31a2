import { isErrorLike } from '../common/error-like.js';
import type { EndOfRun } from '../stores/lock-store.js';

/** What the work threw. It may be any value, even undefined. */
export interface Thrown {
  readonly error: unknown;
}

/** The part of a lease that shows how its work ended. */
interface Ended {
  readonly fencingToken: number;
  readonly held: boolean;
}

/** How many bytes of an error are stored. The rest belongs in the log of the application. */
const LONGEST_LINE = 180;
const encoder = new TextEncoder();

/** Describes how a run ended, before its lease is released. */
export function endOfRun(
  { fencingToken, held }: Ended,
  thrown: Thrown | undefined,
  duration?: number,
): EndOfRun {
  const outcome = held ? (thrown ? 'failed' : 'succeeded') : 'lost';
  return { fencingToken, outcome, duration, error: thrown && errorLine(thrown.error) };
}

/** The first line of an error's message, 180 bytes of UTF-8 at most. */
export function errorLine(error: unknown): string {
  const [line = ''] = textOf(error)
    .trim()
    .split(/[\r\n]/, 1);
  const { read } = encoder.encodeInto(line, new Uint8Array(LONGEST_LINE));
  return line.slice(0, read);
}

function textOf(error: unknown): string {
  if (isErrorLike(error)) return error.message || error.name;
  try {
    return String(error);
  } catch {
    return 'a value that is no error';
  }
}
