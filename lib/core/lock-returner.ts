import { setTimeout as sleep } from 'node:timers/promises';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { within } from '../common/within.js';
import type { LockStore, OwnerReply, OwnerRequest } from '../stores/lock-store.js';

/** What a release that is not answered may add to the work it ends, in milliseconds. */
const PATIENCE = 250;
/** Milliseconds between two attempts to give back a lock; doubles up to the longest. */
const FIRST_RETRY = 50;
const LONGEST_RETRY = 2000;

/** Gives locks back: at once where the store answers, else in the background until it does. */
export class LockReturner {
  readonly #store: LockStore;
  readonly #commandTimeout: number;
  readonly #logger: LockLogger;
  readonly #pending = new Map<Promise<unknown>, OwnerRequest>();
  readonly #closing = new AbortController();

  constructor(store: LockStore, commandTimeout: number, logger: LockLogger) {
    this.#store = store;
    this.#commandTimeout = commandTimeout;
    this.#logger = logger;
  }

  /** Resolves with the store's answer, or without one when there was none in good time. Never rejects. */
  async giveBack(owner: OwnerRequest): Promise<OwnerReply | undefined> {
    return within(PATIENCE, this.releaseUntilAnswered(owner));
  }

  /**
   * Releases the lock, again and again until the store has answered. Also where an acquisition was not answered:
   * it may have been carried out.
   */
  releaseUntilAnswered(owner: OwnerRequest): Promise<OwnerReply | undefined> {
    const attempts = this.#repeat(owner).finally(() => this.#pending.delete(attempts));
    this.#pending.set(attempts, owner);
    return attempts;
  }

  /** Waits up to one command's time for what is still to be given back, then gives up. */
  async close(): Promise<void> {
    await within(this.#commandTimeout, Promise.all(this.#pending.keys()));
    for (const { name } of this.#pending.values()) this.#logger.warn(messages.notGivenBack(name));
    this.#closing.abort();
  }

  async #repeat(owner: OwnerRequest): Promise<OwnerReply | undefined> {
    const { signal } = this.#closing;
    for (let delay = FIRST_RETRY; !signal.aborted; delay = Math.min(LONGEST_RETRY, delay * 2)) {
      try {
        return await this.#store.release(owner, this.#commandTimeout);
      } catch {
        // Unref'd: a lock that cannot be given back expires; it must not keep the process.
        await sleep(delay, undefined, { signal, ref: false }).catch(() => undefined);
      }
    }
    return undefined;
  }
}
