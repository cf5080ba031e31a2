import { clearTimeout, setTimeout } from 'node:timers';
import { TOKEN_RETENTION } from '../lock-store.js';
import type { PostgresDatabase } from './postgres-database.js';

const HOUR = 60 * 60 * 1000;
/** The rows that one statement looks at. */
const PAGE = 1000;
/** Milliseconds between two pages. */
const PAUSE = 50;
/** Milliseconds that a statement may take. */
const TIMEOUT = 5000;

/** Removes the rows of locks that are not used any more, about once an hour in each process, page by page. */
export class PostgresSweeper {
  readonly #database: PostgresDatabase;
  #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(database: PostgresDatabase) {
    this.#database = database;
    this.#timer = this.#later('', hourOrSo());
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #later(after: string, ms: number): NodeJS.Timeout {
    return setTimeout(() => void this.#sweep(after), ms).unref();
  }

  async #sweep(after: string): Promise<void> {
    let last: string | undefined;
    try {
      last = await sweepPage(this.#database, after);
    } catch {
      // Another sweep follows, and nothing depends on it.
    }
    if (this.#isClosed) return;
    this.#timer = last === undefined ? this.#later('', hourOrSo()) : this.#later(last, PAUSE);
  }
}

/**
 * Removes what is not needed any more of the rows that come after a name, unless they change at this moment. Returns the
 * last name that it has looked at; undefined at the end of the table.
 */
export async function sweepPage(database: PostgresDatabase, after: string): Promise<string | undefined> {
  const [{ name }] = await database.run('sweep', [after, PAGE, TOKEN_RETENTION], TIMEOUT);
  return name ?? undefined;
}

/** At random, since replicas that were started together would do it together. */
function hourOrSo(): number {
  return (0.5 + Math.random()) * HOUR;
}
