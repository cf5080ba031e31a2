import { performance } from 'node:perf_hooks';
import type { LockLogger } from './logger.js';
import { messages } from './messages.js';

/** Logs once that a store is away and once that it is back, however many calls fail in between. */
export class OutageLog {
  readonly #logger: LockLogger;
  readonly #whenOver = new Set<() => void>();
  #outage:
    { since: number; description: string; refused: string | undefined; warned: Set<string> } | undefined;

  constructor(logger: LockLogger) {
    this.#logger = logger;
  }

  /** `refused` is the call that the store refuses; absent if the store cannot be reached. */
  begin(description: string, cause: unknown, refused?: string): void {
    if (this.#outage) return;
    this.#outage = {
      since: performance.now(),
      description,
      // A server that refuses writes may still answer reads. Only the same call shows that the outage is over.
      refused,
      warned: new Set(),
    };
    this.#logger.error(messages.storeUnavailable(description, cause));
  }

  /** Logs a warning about something that is done, or not done, without the store: once in each outage for each subject. */
  warnOnce(message: string, about = ''): void {
    if (this.#outage?.warned.has(about)) return;
    this.#outage?.warned.add(about);
    this.#logger.warn(message);
  }

  /** Calls back at the end of each outage. Returns a function that cancels this. */
  whenOver(listener: () => void): () => void {
    this.#whenOver.add(listener);
    return () => this.#whenOver.delete(listener);
  }

  /** `operation` is the call that succeeded; absent if the connection is ready again. */
  end(operation?: string): void {
    if (!this.#outage) return;
    const { since, description, refused } = this.#outage;
    if (refused !== undefined && refused !== operation) return;
    this.#outage = undefined;
    this.#logger.log(messages.storeBack(description, performance.now() - since));
    for (const listener of this.#whenOver) listener();
  }
}
