import type { RunOptions } from '../core/run-options.js';
import { innerRoleOf, jobName, roleOf, type MethodRole } from '../schedule/method-role.js';
import { classDefaults } from './class-defaults.js';
import type { ExclusiveOptions } from './exclusive-options.js';
import { fittingOptions } from './fitting-options.js';
import { methodName, type GivenName } from './lock-names.js';

/** One use of `@Exclusive`. */
export interface DecoratedMethod {
  readonly key: string | symbol;
  /** The function that `@Exclusive` put in place of the method. */
  readonly wrapper: (...args: never[]) => unknown;
  /** The name of the lock, as given to the decorator. */
  readonly name: GivenName;
  readonly options: ExclusiveOptions;
}

/** What applies to all calls of a decorated method of one class. */
export interface MethodPolicy {
  /** `Class.method`. */
  readonly method: string;
  /**
   * The name under which its runs are recorded. If possible, it does not depend on the name of the class, which
   * minifiers change.
   */
  readonly job: string;
  readonly role: MethodRole;
  /** Its own options, completed by the defaults of the class. */
  readonly options: ExclusiveOptions;
  /** The options of `run`, without the occurrence. */
  readonly runOptions: RunOptions;
}

// Registered globally: the ESM and the CJS build may both be loaded.
const METHODS = Symbol.for('nestjs-exclusive-lock/decorated-methods');

interface Decorated {
  [METHODS]?: DecoratedMethod[];
}

export function rememberMethod(prototype: object, method: DecoratedMethod): void {
  if (!Object.hasOwn(prototype, METHODS)) Object.defineProperty(prototype, METHODS, { value: [] });
  (prototype as Decorated)[METHODS]!.push(method);
}

/** The decorated methods of a class. Inherited methods are included unless a subclass overrides them. */
export function decoratedMethods(prototype: unknown): DecoratedMethod[] {
  const found: DecoratedMethod[] = [];
  const hidden = new Set<string | symbol>();
  for (let owner = prototype; typeof owner === 'object' && owner !== null;) {
    found.push(...declaredOn(owner).filter(({ key }) => !hidden.has(key)));
    for (const key of Reflect.ownKeys(owner)) hidden.add(key);
    owner = Object.getPrototypeOf(owner);
  }
  return found;
}

/** What applies to one use of `@Exclusive` on the methods of a class. */
export function policyOf(prototype: object, decorated: DecoratedMethod): MethodPolicy {
  const { key, wrapper, name } = decorated;
  const method = methodName(prototype, key);
  // A decorator above ours may hold the schedule's metadata.
  const role = isReachedFirst(prototype, decorated)
    ? roleOf(key, [(prototype as Record<string | symbol, unknown>)[key], wrapper])
    : innerRoleOf(key);
  const options = fittingOptions(decorated.options, classDefaults(prototype), role);
  const ownLock = typeof name === 'string' && !options.shared ? name : undefined;
  const job = options.job ?? jobName(role) ?? ownLock ?? method;
  return { method, job, role, options, runOptions: runOptionsOf(options) };
}

/**
 * If a method has several decorators, or overrides a decorated one, the scheduler calls the outermost. That one calls
 * the others.
 */
function isReachedFirst(prototype: unknown, { key, wrapper }: DecoratedMethod): boolean {
  for (let owner = prototype; typeof owner === 'object' && owner !== null;) {
    const outermost = declaredOn(owner).findLast((method) => method.key === key);
    if (outermost) return outermost.wrapper === wrapper;
    owner = Object.getPrototypeOf(owner);
  }
  return true;
}

function declaredOn(owner: object): DecoratedMethod[] {
  return Object.hasOwn(owner, METHODS) ? ((owner as Decorated)[METHODS] ?? []) : [];
}

function runOptionsOf(options: ExclusiveOptions): RunOptions {
  const { ttl, renewEvery, maxHold, contents, whenBusy } = options;
  const wait = whenBusy === 'wait' ? (options.wait ?? true) : undefined;
  // Undefined options are left out, because the service looks at each option in each call.
  const said = Object.entries({ ttl, renewEvery, maxHold, contents, wait }).filter(
    ([, value]) => value !== undefined,
  );
  return Object.fromEntries(said);
}
