import type { Duration } from '../common/duration.js';
import type { ExclusiveOptions } from './exclusive-options.js';

/** The options of `@Exclusive(name)`. */
export interface NoOptions {
  readonly whenBusy?: undefined;
}

/**
 * A decorator that checks the type of the method that it is used on. `A` are the parameters of the function that names
 * the lock, and `O` the options.
 */
export interface ExclusiveMethodDecorator<A extends unknown[], O extends ExclusiveOptions> {
  /** Returns nothing. If the method does not fit, the return type is one that TypeScript refuses for a decorator. */
  <T>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<T>,
  ): ProblemOf<A, O, T> extends infer P ? (P extends string ? Misfit<P> : void) : never;
  /** For members that are not methods, such as arrow functions. */
  (
    target: object,
    key: string | symbol,
  ): Misfit<'@Exclusive must decorate a method, not a property or an arrow function'>;
  /** For `applyDecorators`, which does not know the method. */
  <T>(target: object, key: string | symbol, descriptor: TypedPropertyDescriptor<T>): void;
}

/** In an object, because TypeScript would show a plain text as `string`. */
interface Misfit<P extends string> {
  readonly error: P;
}

/** What is wrong with the method; undefined if nothing is. */
type ProblemOf<A extends unknown[], O extends ExclusiveOptions, T> = T extends (...args: infer P) => infer R
  ? Fits<A, P> extends false
    ? 'the parameters of the method do not fit those of the name function'
    : IsAny<R> extends true
      ? undefined
      : ReturnsLater<R> extends false
        ? 'the method must return a Promise, an Observable or an async iterable: with @Exclusive it returns a Promise'
        : MayBeSkipped<O> extends false
          ? undefined
          : AdmitsUndefined<R> extends false
            ? "a skipped call resolves to undefined: add undefined to the return type, or whenBusy: 'throw' or 'wait' to the options"
            : undefined
  : undefined;

/** Whether a function of `A` can be called with the arguments `P`. */
type Fits<A extends unknown[], P extends unknown[]> = ((...args: A) => string) extends (...args: P) => string
  ? true
  : false;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** Recognised by its shape: a user may have another copy of RxJS. */
interface ObservableLike {
  subscribe(...args: never[]): unknown;
  pipe(...args: never[]): unknown;
}

type Later = PromiseLike<unknown> | ObservableLike | AsyncIterable<unknown>;

/** Whether the type includes the promise that a decorated method returns. */
type ReturnsLater<R> = unknown extends R ? true : [Extract<R, Later>] extends [never] ? false : true;

/** Whether a call may be skipped, by `whenBusy` and `whenUnavailable`. Class defaults are not known here. */
type MayBeSkipped<O extends ExclusiveOptions> = O extends { readonly minGap: Duration }
  ? true
  : O extends { readonly whenBusy: 'throw' | 'wait' }
    ? O extends { readonly whenUnavailable: 'skip' }
      ? true
      : false
    : true;

/** Not required of streams: an async generator cannot declare that it may return undefined. */
type AdmitsUndefined<R> = [Extract<R, PromiseLike<unknown>>] extends [never]
  ? true
  : undefined extends Awaited<R>
    ? true
    : void extends Awaited<R>
      ? true
      : false;
