import { LockConfigurationError } from './errors.js';
import { messages } from './messages.js';

/** Lists every option of an options type. A list without one of them does not compile. */
export type KnownOptions<T> = Readonly<Record<keyof T, true>>;

/**
 * Refuses options that are not an object or have an unknown key.
 *
 * @param of the owner of the options, for the message
 * @throws LockConfigurationError
 */
export function checkOptions<T>(options: T, known: KnownOptions<T>, of: string): void {
  checkIsObject(options, of);
  for (const option of Object.keys(options)) {
    if (!Object.hasOwn(known, option)) {
      throw new LockConfigurationError(messages.unknownOption(option, Object.keys(known), of));
    }
  }
}

/** @throws LockConfigurationError */
export function checkIsObject(options: unknown, of: string): asserts options is object {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new LockConfigurationError(messages.notAnObject(options, of));
  }
}

/** @throws LockConfigurationError that says what the option must be and what it is */
export function refuse(option: string, expected: string, value: unknown): never {
  throw new LockConfigurationError(messages.wrongType(option, expected, value));
}
