import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';

const LONGEST = 512;
// Half of a surrogate pair would become another name in the store.
const CONTROL = /[\p{Cc}\p{Cs}]/u;

/**
 * Checks a name in the source code: a string that is not empty, of 512 bytes at most, without control characters and
 * braces. Braces most likely belong to a template that was not filled in.
 *
 * @throws LockConfigurationError
 */
export function checkName(value: unknown, what = 'A lock name'): asserts value is string {
  const problem = problemOf(value) ?? problemOfBraces(value);
  if (problem) throw new LockConfigurationError(messages.badName(what, value, problem));
}

/**
 * Checks a name that was made at run time, which may have braces from an argument.
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
