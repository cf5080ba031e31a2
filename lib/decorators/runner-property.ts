import { Inject } from '@nestjs/common';
import { EXCLUSIVE_RUNNER } from '../tokens.js';
import type { DecoratedCall } from './exclusive-runner.js';

/** Nest prints the description if the module is missing, so it says what to do. */
const PROPERTY = Symbol.for(
  '@Exclusive() and @LeaderElection() need ExclusiveLockModule.forRoot() in the imports of the root module',
);

/** Marks real runners: an automatic mock would return without running the method. */
export const IS_RUNNER = Symbol.for('nestjs-exclusive-lock/is-runner');

/** Runs the calls of decorated methods. */
export interface MethodRunner {
  readonly [IS_RUNNER]: true;
  run(call: DecoratedCall): Promise<unknown>;
}

interface RunnerHost {
  [PROPERTY]?: MethodRunner;
}

/** Lets Nest inject the runner into objects of the class, before any of their hooks runs. */
export function injectRunner(prototype: object): void {
  if (Object.hasOwn(prototype, PROPERTY)) return;
  Inject(EXCLUSIVE_RUNNER)(prototype, PROPERTY);
  Object.defineProperty(prototype, PROPERTY, {
    configurable: true,
    get: () => undefined,
    // Not enumerable, so that the runner does not appear when the object is printed or serialised.
    set(this: object, runner: MethodRunner) {
      Object.defineProperty(this, PROPERTY, { value: runner, configurable: true, writable: true });
    },
  });
}

/** The runner of a decorated object; undefined if Nest did not construct the object, or injected a mock. */
export function runnerOf(host: unknown): MethodRunner | undefined {
  const runner = (host as RunnerHost | undefined)?.[PROPERTY];
  return runner?.[IS_RUNNER] === true ? runner : undefined;
}

/** Makes `runner` run the decorated methods of an object. Returns false if it has none. */
export function replaceRunner(instance: object, runner: MethodRunner): boolean {
  if (!(PROPERTY in instance)) return false;
  (instance as RunnerHost)[PROPERTY] = runner;
  return true;
}

/** Gives the runner to an object with decorated methods that a factory made. Does nothing if the object is frozen. */
export function supplyRunner(instance: unknown, runner: MethodRunner): void {
  if (typeof instance !== 'object' || instance === null || !(PROPERTY in instance)) return;
  if (!Object.isExtensible(instance)) return;
  const host = instance as RunnerHost;
  host[PROPERTY] ??= runner;
}

/**
 * Whether this runner may run the methods of an object. False if the object belongs to another lock module of the
 * application.
 */
export function mayUseRunner(instance: unknown, runner: MethodRunner): boolean {
  if (typeof instance !== 'object' || instance === null || !(PROPERTY in instance)) return true;
  const own = runnerOf(instance);
  return own === undefined || own === runner;
}
