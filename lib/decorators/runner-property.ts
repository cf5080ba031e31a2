import { Inject } from '@nestjs/common';
import { EXCLUSIVE_RUNNER } from '../tokens.js';
import type { ExclusiveRunner } from './exclusive-runner.js';

/** Nest prints the description when the module is missing, so it says what to do. */
const PROPERTY = Symbol.for(
  '@Exclusive() needs ExclusiveLockModule.forRoot() in the imports of the root module',
);

interface RunnerHost {
  [PROPERTY]?: ExclusiveRunner;
}

/** Lets Nest inject the runner into objects of the class, before any of their hooks runs. */
export function injectRunner(prototype: object): void {
  if (Object.hasOwn(prototype, PROPERTY)) return;
  Inject(EXCLUSIVE_RUNNER)(prototype, PROPERTY);
  Object.defineProperty(prototype, PROPERTY, {
    configurable: true,
    get: () => undefined,
    // Not enumerable, so that the runner does not appear when somebody prints or serialises the object.
    set(this: object, runner: ExclusiveRunner) {
      Object.defineProperty(this, PROPERTY, { value: runner, configurable: true, writable: true });
    },
  });
}

/** The runner that belongs to a decorated object; undefined if Nest did not construct it. */
export function runnerOf(host: unknown): ExclusiveRunner | undefined {
  return (host as RunnerHost | undefined)?.[PROPERTY];
}

/** Gives the runner to an object that has decorated methods and was made by a factory. A frozen one cannot have it. */
export function supplyRunner(instance: unknown, runner: ExclusiveRunner): void {
  if (typeof instance !== 'object' || instance === null || !(PROPERTY in instance)) return;
  if (!Object.isExtensible(instance)) return;
  const host = instance as RunnerHost;
  host[PROPERTY] ??= runner;
}

/** False for an object whose locks are those of another module: an application may have several. */
export function mayUseRunner(instance: unknown, runner: ExclusiveRunner): boolean {
  if (typeof instance !== 'object' || instance === null || !(PROPERTY in instance)) return true;
  const own = runnerOf(instance);
  return own === undefined || own === runner;
}
