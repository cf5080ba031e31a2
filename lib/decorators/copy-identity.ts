type Callable = (...args: never[]) => unknown;

/**
 * Makes `wrapper` pass for `method`: name, length and all metadata, so that decorators which were applied before
 * ours, and whoever looks for them, see no difference.
 */
export function copyIdentity(method: Callable, wrapper: Callable): void {
  for (const key of Reflect.getOwnMetadataKeys(method)) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), wrapper);
  }
  for (const property of ['name', 'length'] as const) {
    Object.defineProperty(wrapper, property, Object.getOwnPropertyDescriptor(method, property)!);
  }
}
