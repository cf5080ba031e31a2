type Callable = (...args: never[]) => unknown;

/**
 * Gives `wrapper` the name, length and metadata of `method`, so that the decorators that were applied before ours keep
 * working, and code that looks for their metadata finds it.
 */
export function copyIdentity(method: Callable, wrapper: Callable): void {
  for (const key of Reflect.getOwnMetadataKeys(method)) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), wrapper);
  }
  for (const property of ['name', 'length'] as const) {
    Object.defineProperty(wrapper, property, Object.getOwnPropertyDescriptor(method, property)!);
  }
}
