import { Inject } from '@nestjs/common';
import { EXCLUSIVE_RUNNER } from '../tokens.js';
import type { DecoratedCall } from './exclusive-runner.js';

/** Nest prints the description when the module is missing, so it says what to do. */
const PROPERTY = Symbol.for(
  '@Exclusive() and @LeaderElection() need ExclusiveLockModule.forRoot() in the imports of the root module',
);

/** Marks what can run decorated methods: an automatic mock in its place would return without running anything. */
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
    // Not enumerable, so that the runner does not appear when somebody prints or serialises the object.
    set(this: object, runner: MethodRunner) {
      Object.defineProperty(this, PROPERTY, { value: runner, configurable: true, writable: true });
    },
  });
}

/** The runner that belongs to a decorated object; undefined if Nest did not construct it, or was given a mock. */
export function runnerOf(host: unknown): MethodRunner | undefined {
  const runner = (host as RunnerHost | undefined)?.[PROPERTY];
  return runner?.[IS_RUNNER] === true ? runner : undefined;
}

/** Has `runner` run the decorated methods of an object from now on. Returns false for an object that has none. */
export function replaceRunner(instance: object, runner: MethodRunner): boolean {
  if (!(PROPERTY in instance)) return false;
  (instance as RunnerHost)[PROPERTY] = runner;
  return true;
}

/** Gives the runner to an object that has decorated methods and was made by a factory. A frozen one cannot have it. */
export function supplyRunner(instance: unknown, runner: MethodRunner): void {
  if (typeof instance !== 'object' || instance === null || !(PROPERTY in instance)) return;
  if (!Object.isExtensible(instance)) return;
  const host = instance as RunnerHost;
  host[PROPERTY] ??= runner;
}

/** False for an object whose locks are those of another module: an application may have several. */
export function mayUseRunner(instance: unknown, runner: MethodRunner): boolean {
  if (typeof instance !== 'object' || instance === null || !(PROPERTY in instance)) return true;
  const own = runnerOf(instance);
  return own === undefined || own === runner;
}
