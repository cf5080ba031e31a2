import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';

/** How many lines there are at most: names of locks may be made of arguments. */
const MOST = 100;

/** Tells, once each, of locks and runs of another application, which most likely has the same names by chance. */
export class OtherApplications {
  readonly #own: string | undefined;
  readonly #logger: LockLogger;
  readonly #told = new Set<string>();

  constructor(own: string | undefined, logger: LockLogger) {
    this.#own = own;
    this.#logger = logger;
  }

  /** Of applications without a name nothing is known. */
  observe(name: string, what: 'held' | 'run', other: string | undefined): void {
    if (this.#own === undefined || other === undefined || other === this.#own) return;
    const key = JSON.stringify([name, other]);
    if (this.#told.has(key) || this.#told.size >= MOST) return;
    this.#told.add(key);
    this.#logger.error(messages.otherApplication(name, what, other, this.#own));
  }
}
