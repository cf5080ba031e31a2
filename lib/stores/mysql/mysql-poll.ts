import { clearTimeout, setTimeout } from 'node:timers';
import type { QueueGrant } from '../lock-store.js';
import type { MysqlRow } from './mysql-rows.js';

type OnNews = (grant?: QueueGrant) => void;

/** Milliseconds between two polls. */
const EVERY = 50;
/** Milliseconds that a poll may take. */
const TIMEOUT = 1000;

/**
 * Looks at the locks that this process waits for, all of them in one statement: MySQL tells nobody that a row has
 * changed.
 */
export class MysqlPoll {
  readonly #process: string;
  readonly #read: (keys: readonly string[], within: number) => Promise<readonly MysqlRow[]>;
  readonly #watched = new Map<string, Set<OnNews>>();
  /** The version of each row when it was last looked at. */
  readonly #seen = new Map<string, number | null>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** `process`: what rows name as the process of a holder that is here. */
  constructor(
    process: string,
    read: (keys: readonly string[], within: number) => Promise<readonly MysqlRow[]>,
  ) {
    this.#process = process;
    this.#read = read;
  }

  watch(key: string, onNews: OnNews): () => void {
    const listeners = this.#watched.get(key) ?? new Set();
    this.#watched.set(key, listeners.add(onNews));
    this.#timer ??= this.#later();
    return () => {
      listeners.delete(onNews);
      if (listeners.size > 0 || this.#watched.get(key) !== listeners) return;
      this.#watched.delete(key);
      this.#seen.delete(key);
    };
  }

  close(): void {
    this.#isClosed = true;
    this.#watched.clear();
    clearTimeout(this.#timer);
  }

  #later(): NodeJS.Timeout {
    return setTimeout(() => void this.#look(), EVERY).unref();
  }

  /** Never rejects: a waiter asks by itself from time to time, and is told then what is wrong. */
  async #look(): Promise<void> {
    const keys = [...this.#watched.keys()];
    try {
      const rows = keys.length > 0 ? await this.#read(keys, TIMEOUT) : [];
      for (const [i, row] of rows.entries()) this.#tell(keys[i], row);
    } catch {
      // Said above.
    }
    this.#timer = this.#watched.size > 0 && !this.#isClosed ? this.#later() : undefined;
  }

  #tell(
    key: string,
    { version, owner, process, fencing_token: fencingToken, expires_at, now }: MysqlRow,
  ): void {
    const listeners = this.#watched.get(key);
    if (!listeners) return;
    const isNews = this.#seen.get(key) !== version;
    this.#seen.set(key, version);
    const keptFor = (expires_at - now) / 1000;
    if (version === null || owner === null || keptFor <= 0) for (const onNews of listeners) onNews();
    else if (isNews && process === this.#process)
      for (const onNews of listeners) onNews({ owner, fencingToken, keptFor });
  }
}
