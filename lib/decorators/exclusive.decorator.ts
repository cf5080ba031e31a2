import { LockConfigurationError, LockServiceMissingError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { exclusiveDefaults } from './class-defaults.js';
import { copyIdentity } from './copy-identity.js';
import { rememberMethod } from './decorated-methods.js';
import { checkExclusiveOptions, type ExclusiveOptions } from './exclusive-options.js';
import { checkGivenName, methodName, showDecorator, type GivenName } from './lock-names.js';
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
   * A call that is skipped resolves to undefined.
   *
   * From now on the method returns a promise: of its value or rejection, sync or not. An Observable or async
   * iterator comes out of the promise with the lock held until it completes, fails or is given up, and is given
   * back if nobody begins to read it within a minute.
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
  (name?: string, options?: ExclusiveOptions): MethodDecorator;

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
  <A extends unknown[]>(name: (...args: A) => string, options?: ExclusiveOptions): NamedByArguments<A>;

  /**
   * Options for all `@Exclusive` methods of a class and its subclasses: of each option, what the method says counts,
   * else the defaults of the nearest class. `ttl` and `renewEvery` go together. An option that means nothing on a
   * method is not used there.
   *
   * @throws LockConfigurationError when the class is loaded, for a bad option
   * @example
   * @Injectable()
   * @Exclusive.defaults({ ttl: 30_000, whenBusy: 'throw' })
   * class Orders {}
   */
  defaults(options: ExclusiveOptions): ClassDecorator;
}

/** A decorator of methods whose parameters fit those of the function that names the lock. */
export interface NamedByArguments<A extends unknown[]> {
  /** Returns nothing; where the parameters do not fit, its type is one that TypeScript refuses of a decorator. */
  <T>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<T>,
  ): Fits<A, T> extends true ? void : Misfit;
  /** For `applyDecorators`, which knows no method. */
  <T>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<T>): void;
}

/** In an object, since TypeScript tells a mere text as `string`. */
interface Misfit {
  readonly error: 'the parameters of the method do not fit those of the name function';
}

/** Whether a function of `A` can be called with the arguments of the method `T`. */
type Fits<A extends unknown[], T> = T extends (...args: infer P) => unknown
  ? ((...args: A) => string) extends (...args: P) => string
    ? true
    : false
  : false;

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
