import type { RunOptions } from '../core/run-options.js';
import { innerRoleOf, jobName, roleOf, type MethodRole } from '../schedule/method-role.js';
import { classDefaults } from './class-defaults.js';
import type { ExclusiveOptions } from './exclusive-options.js';
import { fittingOptions } from './fitting-options.js';
import { methodName, type GivenName } from './lock-names.js';

/** One use of `@Exclusive`. */
export interface DecoratedMethod {
  readonly key: string | symbol;
  /** The function that `@Exclusive` put in the method's place. */
  readonly wrapper: (...args: never[]) => unknown;
  /** The lock's name as given to the decorator. */
  readonly name: GivenName;
  readonly options: ExclusiveOptions;
}

/** What holds for all calls of a decorated method of one class. */
export interface MethodPolicy {
  /** `Class.method`. */
  readonly method: string;
  /** What its runs are known by, whatever minifiers make of the class's name where that can be had. */
  readonly job: string;
  readonly role: MethodRole;
  /** Its own, and under them the defaults of the class. */
  readonly options: ExclusiveOptions;
  /** What the service is asked for, besides the occurrence. */
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

/** The decorated methods of a class, inherited ones too, unless a subclass has replaced them. */
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

/** What holds for one use of `@Exclusive` on the methods of a class. */
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

/** The scheduler calls one of them; another on the same method, or on one that is overridden, is called by that. */
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
  // The service looks at each of them in each call.
  const said = Object.entries({ ttl, renewEvery, maxHold, contents, wait }).filter(
    ([, value]) => value !== undefined,
  );
  return Object.fromEntries(said);
}
