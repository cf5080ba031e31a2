import { LockConfigurationError, LockServiceMissingError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { exclusiveDefaults } from './class-defaults.js';
import { copyIdentity } from './copy-identity.js';
import { rememberMethod } from './decorated-methods.js';
import { checkExclusiveOptions, type ExclusiveOptions } from './exclusive-options.js';
import { checkGivenName, methodName, showDecorator, type GivenName } from './lock-names.js';
import type { ExclusiveMethodDecorator, NoOptions } from './method-types.js';
import { injectRunner, runnerOf } from './runner-property.js';

/** The type of `@Exclusive`: a decorator of methods, with `defaults` for a class. */
export interface ExclusiveDecorator {
  /**
   * Makes one replica run the method. Works above and below other decorators. What it does depends on the method:
   * - `@Cron`: one replica runs each tick; the others skip it
   * - `@Interval`: one replica runs it once a period; the others skip
   * - `onModuleInit`, `onApplicationBootstrap`: one replica runs it; the others wait until it has succeeded, and take
   *   over if that replica dies or fails
   * - `@Timeout`: one replica runs it; the others skip
   * - any other method: one call at a time; the others skip, wait or throw, as `whenBusy` says
   *
   * A skipped call resolves to undefined, so the return type must include undefined, unless the options say `whenBusy:
   * 'throw'` or `'wait'`. The compiler does not see the defaults of a class.
   *
   * The decorated method returns a promise, so its declared return type must be a promise, an Observable or an async
   * iterable. For the latter two, the promise resolves to the stream, and the lock is held until the stream completes
   * or fails or its reader leaves. If nobody begins to read within a minute, the lock is released.
   *
   * @param name the name of the lock: the same name is the same lock in all replicas. Two methods of one application
   * may have the same name only if both set `shared: true`. 512 bytes at most, without control characters and braces.
   * The default is `Class.method`.
   * @throws LockConfigurationError when the class is loaded, for a bad name or option
   * @example
   * @Cron('0 3 * * *')
   * @Exclusive('nightly-report')
   * async nightly() {}
   */
  <const O extends ExclusiveOptions = NoOptions>(name?: string, options?: O): ExclusiveMethodDecorator<[], O>;

  /**
   * The same, with a name that a function makes from the arguments of the call. The function must fit the parameters of
   * the method, but may take fewer. Not for methods that a scheduler calls and not for start hooks, which have no
   * arguments.
   *
   * A call rejects with the error that the function throws, or with a `LockConfigurationError` for a bad name.
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
   * Options for all `@Exclusive` methods of a class and its subclasses. For each option, the method comes first, then
   * the nearest class. `ttl` and `renewEvery` go together. An option that has no effect on a method is ignored there.
   *
   * @throws LockConfigurationError when the class is loaded, for a bad option
   * @example
   * @Injectable()
   * @Exclusive.defaults({ ttl: '30s', whenBusy: 'throw' })
   * class Orders {}
   */
  defaults(options: ExclusiveOptions): ClassDecorator;
}

// The type of the returned decorator depends on the method, which is known only where the decorator is used.
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
