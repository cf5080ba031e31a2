import { clearTimeout, setTimeout } from 'node:timers';
import type { MysqlDatabase } from './mysql-database.js';

const HOUR = 60 * 60 * 1000;
/** Milliseconds that a statement may take: it reads the whole table. */
const TIMEOUT = 60_000;

/** Removes the rows of locks that are not used any more, about once an hour in each process. */
export class MysqlSweeper {
  readonly #database: MysqlDatabase;
  #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(database: MysqlDatabase) {
    this.#database = database;
    this.#timer = this.#later();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** At random, since replicas that were started together would do it together. */
  #later(): NodeJS.Timeout {
    return setTimeout(() => void this.#sweep(), (0.5 + Math.random()) * HOUR).unref();
  }

  async #sweep(): Promise<void> {
    try {
      for (let removed = Infinity; removed > 0 && !this.#isClosed;)
        removed = await removeUnused(this.#database);
    } catch {
      // Another sweep follows, and nothing depends on it.
    }
    if (!this.#isClosed) this.#timer = this.#later();
  }
}

/** Removes some rows, unless they change at this moment. Returns how many. */
export async function removeUnused(database: MysqlDatabase): Promise<number> {
  const rows = await database.run<{ name: Buffer; version: number }[]>('unused', [], TIMEOUT);
  if (rows.length === 0) return 0;
  return database.change('remove', [rows.map(({ name, version }) => [name, version])], TIMEOUT);
}
