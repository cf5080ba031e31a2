/** The kind of a handler, for messages. */
export type HandlerKind =
  | 'an HTTP route'
  | 'a message handler'
  | 'an event handler'
  | 'a queue processor'
  | 'a resolver'
  | 'a CQRS handler';

/**
 * The metadata keys that the packages of Nest put on methods: @nestjs/common 10 to 12, @nestjs/microservices and
 * @nestjs/websockets 10 to 12, @nestjs/event-emitter 2 to 12, @nestjs/bull 10 to 12, @nestjs/graphql 12 to 14.
 */
const ON_METHODS: readonly (readonly [key: string, HandlerKind])[] = [
  ['microservices:handler_type', 'a message handler'],
  ['websockets:message_mapping', 'a message handler'],
  ['EVENT_LISTENER_METADATA', 'an event handler'],
  ['bull:module_queue_process', 'a queue processor'],
  ['graphql:resolver_type', 'a resolver'],
];

/** The same for classes with one method as the handler: @nestjs/bullmq 10 to 12, @nestjs/cqrs 10 to 12. */
const ON_CLASSES: readonly (readonly [key: string, method: string, HandlerKind])[] = [
  ['bullmq:processor_metadata', 'process', 'a queue processor'],
  ['__commandHandler__', 'execute', 'a CQRS handler'],
  ['__queryHandler__', 'execute', 'a CQRS handler'],
  ['__eventsHandler__', 'handle', 'a CQRS handler'],
];

/**
 * The kind of handler that a method is; undefined if it is not a handler. The caller of a handler does not see that a
 * call was skipped, and mistakes it for a success.
 *
 * @param functions the method and its wrappers: the metadata is on one of them
 */
export function handlerKind(
  prototype: object,
  key: string | symbol,
  functions: readonly unknown[],
): HandlerKind | undefined {
  if (functions.some(isRoute)) return 'an HTTP route';
  const onMethod = ON_METHODS.find(([name]) => functions.some((method) => hasMetadata(name, method)));
  if (onMethod) return onMethod[1];
  const onClass = ON_CLASSES.find(
    ([name, method]) => method === key && hasMetadata(name, prototype.constructor),
  );
  return onClass?.[2];
}

function hasMetadata(key: string, target: unknown): boolean {
  return typeof target === 'function' && Reflect.hasMetadata(key, target);
}

/** Checks both keys, since other packages may use such common names as well. */
function isRoute(method: unknown): boolean {
  return hasMetadata('path', method) && hasMetadata('method', method);
}
