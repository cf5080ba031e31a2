import { AsyncResource } from 'node:async_hooks';
import { Observable, isObservable, type Subscriber } from 'rxjs';
import { LockLostError } from '../common/errors.js';
import { messages } from '../common/messages.js';

/** Milliseconds after which the lock of a stream without a reader is released. */
const UNCLAIMED_AFTER = 60_000;

/** A result that continues after the method has returned. */
export interface OpenStream {
  /** The stream for the caller of the method. */
  readonly value: unknown;
  /** Resolves when the stream has completed or failed, or its reader has left. */
  readonly ended: Promise<void>;
}

/** Follows an Observable or an async iterator to its end; undefined for any other result. */
export function openStream(result: unknown): OpenStream | undefined {
  const life = new StreamLife();
  if (isObservable(result)) return { value: followObservable(result, life), ended: life.ended };
  if (isAsyncIterator(result)) return { value: followIterator(result, life), ended: life.ended };
  return undefined;
}

/** The time from the return of a stream to its end. */
class StreamLife {
  #end!: () => void;
  #unclaimed: NodeJS.Timeout | undefined;
  #readers = 0;
  #over = false;
  readonly ended = new Promise<void>((resolve) => (this.#end = resolve));

  handOver(): void {
    this.#unclaimed = setTimeout(() => this.end(), UNCLAIMED_AFTER).unref();
  }

  /** Call this when a reader begins. @throws LockLostError if the lock was released already */
  claim(): void {
    clearTimeout(this.#unclaimed);
    if (this.#over) throw new LockLostError(messages.streamOver(), 'released');
    this.#readers++;
  }

  /** Call this when a reader has read to the end or has left. */
  leave(): void {
    if (--this.#readers === 0) this.end();
  }

  end(): void {
    clearTimeout(this.#unclaimed);
    this.#over = true;
    this.#end();
  }
}

function followObservable(source: Observable<unknown>, life: StreamLife): Observable<unknown> {
  life.handOver();
  // The source runs in the async context of the lease, not in that of the subscriber.
  const subscribe = AsyncResource.bind((reader: Subscriber<unknown>) => source.subscribe(reader));
  return new Observable((reader) => {
    life.claim();
    const subscription = subscribe(reader);
    return () => {
      subscription.unsubscribe();
      life.leave();
    };
  });
}

function followIterator(source: AsyncIterator<unknown>, life: StreamLife): AsyncIterableIterator<unknown> {
  life.handOver();
  let begun = false;
  const step = AsyncResource.bind(async (take: () => Promise<IteratorResult<unknown>>) => {
    if (!begun) life.claim();
    begun = true;
    try {
      const result = await take();
      if (result.done) life.end();
      return result;
    } catch (error) {
      life.end();
      throw error;
    }
  });
  return {
    next: (...args) => step(() => source.next(...args)),
    return: (value) => step(async () => (await source.return?.(value)) ?? { done: true, value }),
    throw: (error) => step(async () => source.throw?.(error) ?? Promise.reject(error)),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Only iterators, not all async iterables: Node streams are async iterable but run on their own. */
function isAsyncIterator(value: unknown): value is AsyncIterator<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const { next, [Symbol.asyncIterator]: iterator } = value as Partial<AsyncIterableIterator<unknown>>;
  return typeof next === 'function' && typeof iterator === 'function';
}
