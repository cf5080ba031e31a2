import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';

const LONGEST = 512;
// Braces would move a lock and its state into different slots of a Redis Cluster.
// Half a surrogate pair would be another name in the store.
const FORBIDDEN = /[{}\p{Cc}\p{Cs}]/u;

/**
 * Checks a lock name or prefix: a string that is not empty, without control characters and braces, of 512
 * bytes at most.
 *
 * @throws LockConfigurationError
 */
export function checkName(value: unknown, what = 'A lock name'): asserts value is string {
  const problem = problemOf(value);
  if (problem) throw new LockConfigurationError(messages.badName(what, value, problem));
}

function problemOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'must be a string';
  if (value.trim() === '') return 'must not be empty';
  if (FORBIDDEN.test(value)) return 'must not contain control characters or braces';
  if (Buffer.byteLength(value) > LONGEST) return `must be at most ${LONGEST} bytes long`;
  return undefined;
}
