import { Observable, type Operator, type Subscriber, type Subscription } from 'rxjs';
import { callSafely } from './common/call-safely.js';

type Next<T> = (value: T) => void;
type Fail = (error: unknown) => void;

interface Handlers<T> {
  next?: Next<T> | null | undefined;
  error?: Fail | null | undefined;
  complete?: (() => void) | null | undefined;
}

/**
 * An Observable whose subscribers may throw, or be async functions that reject, even behind operators. rxjs would make
 * this an uncaught exception, or Node an unhandled rejection; either ends the process.
 */
export class GuardedObservable<T> extends Observable<T> {
  readonly #onError: Fail;

  constructor(subscribe: (subscriber: Subscriber<T>) => () => void, onError: Fail) {
    super(subscribe);
    this.#onError = onError;
  }

  /** rxjs calls this to make the Observable that `pipe` returns. */
  override lift<R>(operator?: Operator<T, R>): Observable<R> {
    const lifted = new GuardedObservable<R>(() => () => undefined, this.#onError);
    return Object.assign(lifted, { source: this, operator });
  }

  override subscribe(observer?: Partial<Handlers<T>> | Next<T> | null): Subscription;
  override subscribe(
    next?: Next<T> | null,
    error?: Fail | null,
    complete?: (() => void) | null,
  ): Subscription;
  override subscribe(
    first?: Partial<Handlers<T>> | Next<T> | null,
    error?: Fail | null,
    complete?: (() => void) | null,
  ): Subscription {
    // The subscriber of an rxjs operator passes errors on to the last subscriber, which is guarded.
    if (isSubscriber(first)) return super.subscribe(first as Subscriber<T>);
    const observer = typeof first === 'function' ? { next: first, error, complete } : (first ?? {});
    return super.subscribe({
      next: (value) => this.#guard(() => observer.next?.(value)),
      error: (thrown) =>
        observer.error ? this.#guard(() => observer.error?.(thrown)) : this.#onError(thrown),
      complete: () => this.#guard(() => observer.complete?.()),
    });
  }

  #guard(call: () => unknown): void {
    callSafely(call, this.#onError);
  }
}

function isSubscriber(value: object | null | undefined): boolean {
  return typeof value === 'object' && value !== null && 'add' in value && 'unsubscribe' in value;
}
