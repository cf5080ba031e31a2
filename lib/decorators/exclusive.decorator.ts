import { LockConfigurationError, LockServiceMissingError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { exclusiveDefaults } from './class-defaults.js';
import { copyIdentity } from './copy-identity.js';
import { rememberMethod } from './decorated-methods.js';
import { checkExclusiveOptions, type ExclusiveOptions } from './exclusive-options.js';
import { checkGivenName, methodName, showDecorator, type GivenName } from './lock-names.js';
import type { ExclusiveMethodDecorator, NoOptions } from './method-types.js';
import { injectRunner, runnerOf } from './runner-property.js';

/** What `@Exclusive` is: a decorator of methods, and `defaults` for a class. */
export interface ExclusiveDecorator {
  /**
   * Lets one replica run the method. Works above and below other decorators. What that means depends on the method:
   * - `@Cron`: one replica runs each tick; the others skip it
   * - `@Interval`: one runs it, once a period; the others skip
   * - `onModuleInit`, `onApplicationBootstrap`: one runs it, the others wait until it has succeeded, and take over if
   *   that one dies or fails
   * - `@Timeout`: one runs it; whoever finds it running or done skips
   * - any other: one at a time; the others skip, wait or throw, as `whenBusy` says
   *
   * A call that is skipped resolves to undefined, so the return type must admit that, unless the options say
   * `whenBusy: 'throw'` or `'wait'`. The compiler does not see the defaults of a class.
   *
   * The decorated method returns a promise of its value, so it must be declared to return one, or an Observable or async
   * iterable. These come out of the promise with the lock held until they complete, fail or are given up; a stream that
   * nobody begins to read within a minute gives its lock back.
   *
   * @param name of the lock: the same name is the same lock, in all replicas. Two methods of one application may have
   * the same only with `shared: true` on both. 512 bytes at most, without control characters and braces. Default, also
   * where it is undefined: `Class.method`.
   * @throws LockConfigurationError when the class is loaded, for a bad name or option
   * @example
   * @Cron('0 3 * * *')
   * @Exclusive('nightly-report')
   * async nightly() {}
   */
  <const O extends ExclusiveOptions = NoOptions>(name?: string, options?: O): ExclusiveMethodDecorator<[], O>;

  /**
   * The same with a lock for each name that a function makes of the arguments; it may take fewer than the method does,
   * and must fit them. Not on methods that a scheduler calls, and not on start hooks, which have no arguments.
   *
   * A call rejects with what the function throws, and with a `LockConfigurationError` for a bad name.
   *
   * @throws LockConfigurationError when the class is loaded, for a bad option
   * @example
   * @Exclusive((id: string) => `rebuild:${id}`)
   * async rebuild(id: string, force: boolean) {}
   */
  <A extends unknown[], const O extends ExclusiveOptions = NoOptions>(
    name: (...args: A) => string,
    options?: O,
  ): ExclusiveMethodDecorator<A, O>;

  /**
   * Options for all `@Exclusive` methods of a class and its subclasses: of each option, what the method says counts,
   * else the defaults of the nearest class. `ttl` and `renewEvery` go together. An option that means nothing on a
   * method is not used there.
   *
   * @throws LockConfigurationError when the class is loaded, for a bad option
   * @example
   * @Injectable()
   * @Exclusive.defaults({ ttl: '30s', whenBusy: 'throw' })
   * class Orders {}
   */
  defaults(options: ExclusiveOptions): ClassDecorator;
}

// The types of what it returns depend on the method, which only the decorated class knows.
export const Exclusive = Object.assign(exclusive, { defaults: exclusiveDefaults }) as ExclusiveDecorator;

function exclusive(name?: GivenName, options: ExclusiveOptions = {}) {
  checkGivenName(name);
  const decorator = showDecorator(name);
  checkExclusiveOptions(options, decorator);

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
    rememberMethod(target, { key, wrapper, name, options });
    copyIdentity(method as (...args: never[]) => unknown, wrapper);
    // Changed in place: Nest's applyDecorators drops a descriptor that a decorator returns.
    descriptor.value = wrapper as T;
  };
}
