import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';

const LONGEST = 512;
// Half a surrogate pair would be another name in the store.
const CONTROL = /[\p{Cc}\p{Cs}]/u;

/**
 * Checks a name that somebody has written down: a string that is not empty, without control characters and braces, of 512
 * bytes at most. Braces are most likely those of a template that was not filled in.
 *
 * @throws LockConfigurationError
 */
export function checkName(value: unknown, what = 'A lock name'): asserts value is string {
  const problem = problemOf(value) ?? problemOfBraces(value);
  if (problem) throw new LockConfigurationError(messages.badName(what, value, problem));
}

/**
 * The same of a name that was made while the application runs: braces may have come with an argument.
 *
 * @throws LockConfigurationError
 */
export function checkMadeName(value: unknown, what = 'A lock name'): asserts value is string {
  const problem = problemOf(value);
  if (problem) throw new LockConfigurationError(messages.badName(what, value, problem));
}

function problemOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a string';
  if (value.trim() === '') return 'must not be empty';
  if (CONTROL.test(value)) return 'must not contain control characters';
  if (Buffer.byteLength(value) > LONGEST) return `must be at most ${LONGEST} bytes long`;
  return undefined;
}

function problemOfBraces(value: unknown): string | undefined {
  return /[{}]/.test(value as string) ? 'must not contain control characters or braces' : undefined;
}
