import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { roleOf } from '../schedule/method-role.js';
import { checkOptionsFitRole } from '../schedule/occurrence-options.js';
import type { ExclusiveOptions } from './exclusive.decorator.js';

/** One use of `@Exclusive`. */
export interface DecoratedMethod {
  readonly key: string | symbol;
  /** The function that `@Exclusive` put in the method's place. */
  readonly wrapper: (...args: never[]) => unknown;
  readonly options: ExclusiveOptions;
}

/** How a provider is made: hooks and schedules are for singletons only. */
export type ProviderScope = 'singleton' | 'transient' | 'request-scoped';

// Registered globally: the ESM and the CJS build may both be loaded.
const METHODS = Symbol.for('nestjs-exclusive-lock/decorated-methods');

interface Decorated {
  [METHODS]?: DecoratedMethod[];
}

export function rememberMethod(prototype: object, method: DecoratedMethod): void {
  if (!Object.hasOwn(prototype, METHODS)) Object.defineProperty(prototype, METHODS, { value: [] });
  (prototype as Decorated)[METHODS]!.push(method);
}

/**
 * Checks at the start what cannot be known when the class is loaded: `@Cron` may stand above `@Exclusive`, and the
 * module decides how a provider is made.
 *
 * @throws LockConfigurationError
 */
export function checkDecoratedMethods(prototype: unknown, className: string, scope: ProviderScope): void {
  const seen = new Set<string | symbol>();
  for (let owner = prototype; typeof owner === 'object' && owner !== null;) {
    const decorated = Object.hasOwn(owner, METHODS) ? ((owner as Decorated)[METHODS] ?? []) : [];
    for (const method of decorated.filter(({ key }) => !seen.has(key))) {
      checkMethod(prototype as object, method, `${className}.${String(method.key)}`, scope);
    }
    // A method of a subclass hides that of its parent.
    for (const key of Reflect.ownKeys(owner)) seen.add(key);
    owner = Object.getPrototypeOf(owner);
  }
}

function checkMethod(
  prototype: object,
  { key, wrapper, options }: DecoratedMethod,
  name: string,
  scope: ProviderScope,
): void {
  const role = roleOf(key, [(prototype as Record<string | symbol, unknown>)[key], wrapper]);
  checkOptionsFitRole(name, options, role);
  if (role.kind !== 'plain' && scope !== 'singleton')
    throw new LockConfigurationError(messages.notStatic(name, role.kind, scope));
}
