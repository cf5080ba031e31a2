/** What a compiler makes of `@decorator` above a method; plain JavaScript has no syntax for it. */
export function decorate(type, method, decorator) {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, method);
  decorator(type.prototype, method, descriptor);
  Object.defineProperty(type.prototype, method, descriptor);
}
