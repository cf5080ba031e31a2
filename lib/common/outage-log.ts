import { performance } from 'node:perf_hooks';
import type { LockLogger } from './logger.js';
import { messages } from './messages.js';

/** Says once that a store is away and once that it is back, however many calls fail in between. */
export class OutageLog {
  readonly #logger: LockLogger;
  #outage: { since: number; description: string; operation: string | undefined } | undefined;

  constructor(logger: LockLogger) {
    this.#logger = logger;
  }

  /** `operation` is the call that failed, or absent when the connection itself is gone. */
  begin(description: string, cause: unknown, operation?: string): void {
    if (this.#outage) return;
    this.#outage = { since: performance.now(), description, operation };
    this.#logger.error(messages.storeUnavailable(description, cause));
  }

  /** Ends the outage if it began with the same operation: that the server can be read does not mean it can be written. */
  end(operation?: string): void {
    if (!this.#outage || this.#outage.operation !== operation) return;
    const { since, description } = this.#outage;
    this.#outage = undefined;
    this.#logger.log(messages.storeBack(description, performance.now() - since));
  }
}
