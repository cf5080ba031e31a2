import type { RunOptions } from '../core/lock-manager.js';
import { roleOf, type MethodRole } from '../schedule/method-role.js';
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
    const declared = Object.hasOwn(owner, METHODS) ? ((owner as Decorated)[METHODS] ?? []) : [];
    found.push(...declared.filter(({ key }) => !hidden.has(key)));
    for (const key of Reflect.ownKeys(owner)) hidden.add(key);
    owner = Object.getPrototypeOf(owner);
  }
  return found;
}

/** @param host the object that the method is called on, or its prototype */
export function policyOf(host: object, { key, wrapper, options }: DecoratedMethod): MethodPolicy {
  // A decorator above ours may hold the schedule's metadata.
  const role = roleOf(key, [(host as Record<string | symbol, unknown>)[key], wrapper]);
  const fitting = fittingOptions(options, classDefaults(host), role);
  return { method: methodName(host, key), role, options: fitting, runOptions: runOptionsOf(fitting) };
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
