import { performance } from 'node:perf_hooks';
import { isErrorLike } from './error-like.js';
import type { LockLogger } from './logger.js';
import { messages } from './messages.js';

/** Says once that a store is away and once that it is back, however many calls fail in between. */
export class OutageLog {
  readonly #logger: LockLogger;
  #outage: { since: number; description: string; refused: string | undefined } | undefined;

  constructor(logger: LockLogger) {
    this.#logger = logger;
  }

  /** `operation` is the call that failed; absent when it is the connection that failed. */
  begin(description: string, cause: unknown, operation?: string): void {
    if (this.#outage) return;
    this.#outage = {
      since: performance.now(),
      description,
      // A server that refuses to write may be read all the while: only the same call tells that this is over.
      refused: isErrorLike(cause) && cause.name === 'ReplyError' ? operation : undefined,
    };
    this.#logger.error(messages.storeUnavailable(description, cause));
  }

  /** `operation` is the call that succeeded; absent when the connection is ready. */
  end(operation?: string): void {
    if (!this.#outage) return;
    const { since, description, refused } = this.#outage;
    if (refused !== undefined && refused !== operation) return;
    this.#outage = undefined;
    this.#logger.log(messages.storeBack(description, performance.now() - since));
  }
}
