import { LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import type { BasicLockStore } from './basic-lock-store.js';

/** The calls of one decision, which share one time limit. */
export class BasicCalls {
  readonly #store: BasicLockStore;
  readonly #description: string;
  readonly #end: number;

  constructor(store: BasicLockStore, description: string, within: number) {
    this.#store = store;
    this.#description = description;
    this.#end = performance.now() + within;
  }

  /**
   * Returns the fencing token if the owner has the key now; undefined if another owner has it.
   *
   * @param isWanted whether the owner still wants the key if it gets it after this call has run out of time
   */
  async take(key: string, owner: string, ttl: number, isWanted: () => boolean): Promise<number | undefined> {
    const taking = this.#call(() => this.#store.acquire(key, owner, whole(ttl)));
    const result = await this.#inTime(taking, (late) => {
      if (late.acquired && !isWanted()) void this.#store.release(key, owner).catch(() => undefined);
    });
    return result.acquired ? result.fencingToken : undefined;
  }

  /** Renews the key for `ttl`. Returns whether the owner has it. */
  keep(key: string, owner: string, ttl: number): Promise<boolean> {
    return this.ask(() => this.#store.renew(key, owner, whole(ttl)));
  }

  /** Frees the key. Returns whether the owner had it. `begun` gets the call itself, which may outlast its time limit. */
  free(key: string, owner: string, begun?: (call: Promise<unknown>) => void): Promise<boolean> {
    const freeing = this.#call(() => this.#store.release(key, owner));
    begun?.(freeing);
    return this.#inTime(freeing);
  }

  /** Waits for a call of an earlier decision, whatever its result. */
  async ended(call: Promise<unknown>): Promise<void> {
    await this.ask(() => call.catch(() => undefined));
  }

  /** @throws LockStoreError */
  ask<T>(call: () => Promise<T>): Promise<T> {
    return this.#inTime(this.#call(call));
  }

  /** A store may throw where it should reject. */
  async #call<T>(call: () => Promise<T>): Promise<T> {
    return call();
  }

  /** @throws LockStoreError */
  async #inTime<T>(calling: Promise<T>, late: (result: T) => void = () => {}): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeUp = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        calling.then(late, () => undefined);
        reject(new Error(messages.basicStoreSlow()));
      }, this.#end - performance.now());
      timer.unref();
    });
    try {
      return await Promise.race([calling, timeUp]);
    } catch (cause) {
      const message = messages.storeThrew(this.#description, cause);
      throw new LockStoreError(message, { cause, mayHaveRun: true });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Basic stores count whole milliseconds, at least one. */
function whole(ttl: number): number {
  return Math.max(1, Math.ceil(ttl));
}
