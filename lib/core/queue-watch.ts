import type { QueueGrant } from '../stores/lock-store.js';
import { LEAST_LEFT } from './acquire-requests.js';
import type { WatchedStore } from './watched-store.js';

/** The reply to a request that the store has queued. */
export interface Queued {
  /** The moment before the request was sent, by the keeper's clock. */
  readonly askedAt: number;
  /** Every grant after the reply has a higher token; undefined if the store does not report grants. */
  readonly lastToken: number | undefined;
}

/** Receives what the store reports to a waiter: its grant, or that the next request may succeed. */
export class QueueWatch {
  readonly #name: string;
  readonly #store: WatchedStore;
  /** Wakes the waiter. */
  readonly #wake: () => void;
  #grant: QueueGrant | undefined;
  #unwatch: (() => void) | undefined;

  constructor(name: string, store: WatchedStore, wake: () => void) {
    this.#name = name;
    this.#store = store;
    this.#wake = wake;
  }

  /** Starts watching, if it does not watch yet. */
  start(): void {
    this.#unwatch ??= this.#store.watch(this.#name, (grant) => {
      if (grant) this.#grant = grant;
      this.#wake();
    });
  }

  /** Forgets earlier grants: the reply to the next request is newer. */
  forget(): void {
    this.#grant = undefined;
  }

  /** The grant that the store has reported to this owner since it was queued, if enough of its time is left. */
  grantTo(owner: string, { askedAt, lastToken }: Queued, now: number): QueueGrant | undefined {
    const grant = this.#grant;
    if (grant?.owner !== owner || lastToken === undefined) return undefined;
    // The grant may have ended before the last request, and this message may be late.
    if (grant.fencingToken <= lastToken) return undefined;
    // The grant came after that request, so the lock is kept from then at least.
    return now - askedAt > grant.keptFor * (1 - LEAST_LEFT) ? undefined : grant;
  }

  stop(): void {
    this.#unwatch?.();
  }
}
