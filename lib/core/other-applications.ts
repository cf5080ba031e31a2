import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';

/** The most lines to log. There is a limit because lock names may be made from arguments. */
const MOST = 100;

/** Logs each lock or run of another application once. Such an application most likely has the same names by chance. */
export class OtherApplications {
  readonly #own: string | undefined;
  readonly #logger: LockLogger;
  readonly #told = new Set<string>();

  constructor(own: string | undefined, logger: LockLogger) {
    this.#own = own;
    this.#logger = logger;
  }

  /** Applications without a name are ignored. */
  observe(name: string, what: 'held' | 'run', other: string | undefined): void {
    if (this.#own === undefined || other === undefined || other === this.#own) return;
    const key = JSON.stringify([name, other]);
    if (this.#told.has(key) || this.#told.size >= MOST) return;
    this.#told.add(key);
    this.#logger.error(messages.otherApplication(name, what, other, this.#own));
  }
}
