import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { IS_RUNNER, replaceRunner, type MethodRunner } from '../decorators/runner-property.js';

const UNLOCKED: MethodRunner = {
  [IS_RUNNER]: true,
  run: async ({ proceed }) => proceed(),
};

/**
 * Lets the `@Exclusive` methods of one object run without a lock, as if they were not decorated. For unit tests that
 * construct the object themselves, or that let Nest mock its dependencies. `ExclusiveLockService.current()` is
 * undefined in these methods. To test the locks, use a `LockTestKit`.
 *
 * @returns the same object
 * @throws LockConfigurationError for an object without such methods
 * @example
 * const jobs = withoutLocks(new JobsService(repository));
 * await jobs.nightly();
 * @example
 * const app = await Test.createTestingModule({ providers: [JobsService] }).useMocker(createMock).compile();
 * const jobs = withoutLocks(app.get(JobsService));
 */
export function withoutLocks<T extends object>(object: T): T {
  const isObject = typeof object === 'object' && object !== null;
  if (!isObject || !replaceRunner(object, UNLOCKED))
    throw new LockConfigurationError(messages.nothingDecorated(describe(object)));
  return object;
}

function describe(value: unknown): string {
  if (typeof value === 'function') return `the class or function ${value.name}`;
  if (typeof value !== 'object' || value === null) return String(value);
  return `an object of the class ${value.constructor?.name ?? '?'}`;
}
