import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { checkExclusiveOptions, mergeOptions, type ExclusiveOptions } from './exclusive-options.js';

// Registered globally: the ESM and the CJS build may both be loaded.
const DEFAULTS = Symbol.for('nestjs-exclusive-lock/class-defaults');

interface WithDefaults {
  [DEFAULTS]?: ExclusiveOptions;
}

const DECORATOR = '@Exclusive.defaults()';

/** `@Exclusive.defaults()`: see `ExclusiveDecorator`. */
export function exclusiveDefaults(options: ExclusiveOptions): ClassDecorator {
  checkExclusiveOptions(options, DECORATOR);
  return (target: unknown, key?: string | symbol): void => {
    if (typeof target !== 'function' || key !== undefined)
      throw new LockConfigurationError(messages.notAClass(DECORATOR, String(key)));
    // Kept on the prototype: if another decorator derives a class from this one, its prototype chain contains it.
    const prototype = target.prototype as WithDefaults;
    const before = Object.hasOwn(prototype, DEFAULTS) ? prototype[DEFAULTS] : undefined;
    const value = mergeOptions(options, before ?? {});
    Object.defineProperty(prototype, DEFAULTS, { value, configurable: true });
  };
}

/** The defaults of a class and of the classes that it extends. For each option, the nearest class counts. */
export function classDefaults(prototype: unknown): ExclusiveOptions {
  if (typeof prototype !== 'object' || prototype === null) return {};
  const inherited = classDefaults(Object.getPrototypeOf(prototype));
  const own = Object.hasOwn(prototype, DEFAULTS) ? (prototype as WithDefaults)[DEFAULTS] : undefined;
  return own ? mergeOptions(own, inherited) : inherited;
}
