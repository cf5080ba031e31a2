import { checkOptions, type KnownOptions } from '../common/check-options.js';
import { LockConfigurationError, LockServiceMissingError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { LEASE_OPTIONS, resolveTimes, type LeaseOptions } from '../core/lease-options.js';
import { checkName } from '../core/lock-name.js';
import {
  OCCURRENCE_OPTIONS,
  checkOccurrenceOptions,
  type OccurrenceOptions,
} from '../schedule/occurrence-options.js';
import { copyIdentity } from './copy-identity.js';
import { rememberMethod } from './decorated-methods.js';
import { methodName } from './exclusive-runner.js';
import { injectRunner, runnerOf } from './runner-property.js';

/** Options of {@link Exclusive}. All durations are milliseconds. */
export interface ExclusiveOptions extends LeaseOptions, OccurrenceOptions {}

const EXCLUSIVE_OPTIONS: KnownOptions<ExclusiveOptions> = { ...LEASE_OPTIONS, ...OCCURRENCE_OPTIONS };

/** The decorator does not know the module's times; it takes none of them, or both from its own options. */
const UNUSED_DEFAULTS = { ttl: 0, renewEvery: 0 };

/**
 * Lets one replica run the method. Works above and below other decorators. What that means depends on the method:
 * - `@Cron`: one replica runs each tick; the others skip it
 * - `@Interval`: one runs it, once a period; the others skip
 * - `onModuleInit`, `onApplicationBootstrap`: one runs it, the others wait until it has succeeded, and take over if
 *   that one dies or fails
 * - `@Timeout`: one runs it; whoever finds it running or done skips
 * - any other: one at a time; the others skip
 *
 * A call that is skipped resolves to undefined.
 *
 * From now on the method returns a promise: of its value or rejection, sync or not. An Observable or async
 * iterator comes out of the promise with the lock held until it completes, fails or is given up, and is given
 * back if nobody begins to read it within a minute.
 *
 * @param name of the lock: the same name is the same lock, in all replicas. Default: `Class.method`.
 * @throws LockConfigurationError when the class is loaded, for a bad name or option
 * @example
 * @Cron('0 3 * * *')
 * @Exclusive('nightly-report')
 * async nightly() {}
 */
export function Exclusive(name?: string, options: ExclusiveOptions = {}): MethodDecorator {
  if (name !== undefined) checkName(name, 'The lock name of @Exclusive');
  const decorator = `@Exclusive(${name === undefined ? '' : JSON.stringify(name)})`;
  checkExclusiveOptions(decorator, options);

  return <T>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<T>): void => {
    const method: unknown = descriptor?.value;
    if (typeof method !== 'function')
      throw new LockConfigurationError(messages.notAMethod(decorator, String(key)));
    if (typeof target === 'function')
      throw new LockConfigurationError(messages.staticMethod(decorator, String(key)));
    if (method.constructor.name === 'GeneratorFunction')
      throw new LockConfigurationError(messages.generator(decorator, String(key)));
    injectRunner(target);

    const wrapper = async function (this: object, ...args: unknown[]): Promise<unknown> {
      const runner = runnerOf(this);
      if (!runner) throw new LockServiceMissingError(messages.serviceMissing(methodName(this, key)));
      const proceed = (): unknown => method.apply(this, args);
      return runner.run({ host: this, key, args, wrapper, name, options, proceed });
    };
    rememberMethod(target, { key, wrapper, options });
    copyIdentity(method as (...args: never[]) => unknown, wrapper);
    // Changed in place: Nest's applyDecorators drops a descriptor that a decorator returns.
    descriptor.value = wrapper as T;
  };
}

function checkExclusiveOptions(decorator: string, options: ExclusiveOptions): void {
  checkOptions(options, EXCLUSIVE_OPTIONS, decorator);
  checkOccurrenceOptions(options);
  if (options.renewEvery !== undefined && options.ttl === undefined) {
    throw new LockConfigurationError(messages.renewEveryWithoutTtl(options.renewEvery));
  }
  resolveTimes(options, UNUSED_DEFAULTS);
}
