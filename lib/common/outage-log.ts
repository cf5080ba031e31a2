import { performance } from 'node:perf_hooks';
import type { LockLogger } from './logger.js';
import { messages } from './messages.js';

/** Says once that a store is away and once that it is back, however many calls fail in between. */
export class OutageLog {
  readonly #logger: LockLogger;
  readonly #whenOver = new Set<() => void>();
  #outage:
    { since: number; description: string; refused: string | undefined; warned: Set<string> } | undefined;

  constructor(logger: LockLogger) {
    this.#logger = logger;
  }

  /** `refused` is the call that the store does not want to carry out; absent when it cannot be reached. */
  begin(description: string, cause: unknown, refused?: string): void {
    if (this.#outage) return;
    this.#outage = {
      since: performance.now(),
      description,
      // A server that refuses to write may be read all the while: only the same call tells that this is over.
      refused,
      warned: new Set(),
    };
    this.#logger.error(messages.storeUnavailable(description, cause));
  }

  /** Warns of what is done, or not done, without the store: once in an outage about each of these. */
  warnOnce(message: string, about = ''): void {
    if (this.#outage?.warned.has(about)) return;
    this.#outage?.warned.add(about);
    this.#logger.warn(message);
  }

  /** Calls back at the end of each outage; returns what ends that. */
  whenOver(listener: () => void): () => void {
    this.#whenOver.add(listener);
    return () => this.#whenOver.delete(listener);
  }

  /** `operation` is the call that succeeded; absent when the connection is ready. */
  end(operation?: string): void {
    if (!this.#outage) return;
    const { since, description, refused } = this.#outage;
    if (refused !== undefined && refused !== operation) return;
    this.#outage = undefined;
    this.#logger.log(messages.storeBack(description, performance.now() - since));
    for (const listener of this.#whenOver) listener();
  }
}
