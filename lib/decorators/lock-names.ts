import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { checkMadeName, checkName } from '../core/lock-name.js';

/** Makes the name of a lock from the arguments of a call. */
export type NameFunction = (...args: never[]) => string;

/** The name that was given to the decorator; undefined: `Class.method`. */
export type GivenName = string | NameFunction | undefined;

/**
 * Checks the name that was given to the decorator.
 *
 * @throws LockConfigurationError
 */
export function checkGivenName(name: unknown): asserts name is GivenName {
  if (name === undefined || (typeof name === 'function' && !isClass(name))) return;
  if (typeof name === 'object' && name !== null) throw new LockConfigurationError(messages.optionsForName());
  checkName(name, 'The lock name of @Exclusive');
}

/** The decorator with its name, for messages. */
export function showDecorator(name: GivenName): string {
  if (name === undefined) return '@Exclusive()';
  return `@Exclusive(${typeof name === 'function' ? '(…) => name' : JSON.stringify(name)})`;
}

/**
 * The name of the lock for one call.
 *
 * @param method `Class.method`
 * @throws LockConfigurationError if a function returned a bad name; the errors of that function
 */
export function lockName(name: GivenName, method: string, args: readonly unknown[]): string {
  if (typeof name !== 'function') return name ?? method;
  const made: unknown = name(...(args as never[]));
  checkMadeName(made, `The lock name that the function of @Exclusive on ${method} gave`);
  return made;
}

/** `Class.method`, with the class of the object, for names and messages. */
export function methodName(host: object | undefined, key: string | symbol): string {
  return `${host?.constructor?.name ?? '?'}.${String(key)}`;
}

/** Whether a function is a class: then `@Exclusive` was put on the class, without parentheses. */
function isClass(value: object): boolean {
  return Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false;
}
