import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { LockStoreError } from '../../common/errors.js';
import type {
  LedgerChange,
  LedgerFreed,
  LedgerReading,
  LedgerRenewal,
  LedgerTable,
  ListedLedger,
} from '../ledger/ledger-table.js';
import type { QueueGrant } from '../lock-store.js';
import type { MysqlDatabase } from './mysql-database.js';
import { UnknownWriteError, isBlocked } from './mysql-errors.js';
import { MysqlPoll } from './mysql-poll.js';
import { changeOf, isWritten, micros, readingOf, type MysqlRow } from './mysql-rows.js';
import { MysqlSweeper } from './mysql-sweeper.js';

/** The most rows of one page of a listing. */
const PAGE = 500;

/**
 * The rows of locks in MySQL or MariaDB. Each statement is a transaction of its own, so that a client that stands still
 * holds up nobody.
 */
export class MysqlTable implements LedgerTable {
  readonly description: string;
  readonly #database: MysqlDatabase;
  readonly #process = randomBytes(12).toString('hex');
  readonly #poll: MysqlPoll;
  readonly #sweeper: MysqlSweeper;

  constructor(database: MysqlDatabase) {
    this.description = database.description;
    this.#database = database;
    this.#poll = new MysqlPoll(this.#process, (keys, within) => this.#rows(keys, within));
    this.#sweeper = new MysqlSweeper(database);
  }

  async read(keys: readonly string[], within: number): Promise<LedgerReading[]> {
    return (await this.#rows(keys, within)).map(readingOf);
  }

  async write(changes: readonly LedgerChange[], within: number): Promise<(boolean | undefined)[]> {
    const end = performance.now() + within;
    const inserted = changes.filter(isNew);
    const updated = changes.filter((change) => !isNew(change));
    try {
      const [made, changed] = await Promise.all([this.#insert(inserted, end), this.#update(updated, end)]);
      return changes.map((change) => (isNew(change) ? made : changed).shift());
    } catch (error) {
      // If one has certainly not been written, others may.
      if (changes.length === 1 || !(error instanceof LockStoreError)) throw error;
      const { message, cause, refused, permanent } = error;
      throw new LockStoreError(message, { cause, refused, permanent, mayHaveRun: true });
    }
  }

  async *list(prefix: string, within: number): AsyncGenerator<ListedLedger> {
    let begin = Buffer.from(prefix);
    // No text contains this byte.
    const end = Buffer.concat([begin, Buffer.of(0xff)]);
    for (let isLast = false; !isLast;) {
      const rows = await this.#database.run<ListedRow[]>('list', [begin, end, PAGE], within);
      for (const row of rows) yield { key: String(row.name), ...readingOf(row) } as ListedLedger;
      isLast = rows.length < PAGE;
      if (!isLast) begin = Buffer.concat([rows[PAGE - 1].name, Buffer.of(0)]);
    }
  }

  async renew(holds: readonly LedgerRenewal[], within: number): Promise<boolean[]> {
    const sent = performance.now();
    const renewed = new Map<LedgerRenewal, boolean>();
    // Most leases of a process have the same TTL.
    for (const ttl of new Set(holds.map((hold) => hold.ttl))) {
      const group = holds.filter((hold) => hold.ttl === ttl);
      const replies = await this.#atOnce(group, sent + within, {
        run: (some, left) => this.#database.change('renew', [micros(ttl), ownersOf(some)], left),
        runUnlocked: (some, left) =>
          this.#database.change('renewUnlocked', [micros(ttl), ownersOf(some)], left),
        // Whether it lasts as long as it would if it was renewed as soon as that was asked for.
        isDone: ({ owner }, row) =>
          row.owner === owner && row.expires_at - row.now >= micros(ttl - (performance.now() - sent)),
      });
      for (const [i, hold] of group.entries()) renewed.set(hold, replies[i]);
    }
    return holds.map((hold) => renewed.get(hold)!);
  }

  free(holds: readonly LedgerFreed[], within: number): Promise<boolean[]> {
    const keepFor = Math.max(...holds.map((hold) => hold.keepFor));
    return this.#atOnce(holds, performance.now() + within, {
      run: (some, left) => this.#database.change('free', [micros(keepFor), ownersOf(some)], left),
      runUnlocked: (some, left) =>
        this.#database.change('freeUnlocked', [micros(keepFor), ownersOf(some)], left),
      isDone: ({ owner }, row) => {
        // Others may have acquired it since.
        if (row.version !== null && row.owner !== owner) throw new UnknownWriteError();
        return row.expires_at === 0;
      },
    });
  }

  watch(key: string, onNews: (grant?: QueueGrant) => void): () => void {
    return this.#poll.watch(key, onNews);
  }

  processFor(): string {
    return this.#process;
  }

  onReconnected(listener: () => void): void {
    this.#database.onReconnected(listener);
  }

  async close(): Promise<void> {
    this.#poll.close();
    this.#sweeper.close();
    await this.#database.close();
  }

  /** In the order of the keys. */
  async #rows(keys: readonly string[], within: number): Promise<MysqlRow[]> {
    const rows = await this.#database.run<AskedRow[]>('read', [JSON.stringify(keys)], within);
    return rows.toSorted((a, b) => a.position - b.position);
  }

  #insert(changes: readonly LedgerChange[], end: number): Promise<(boolean | undefined)[]> {
    return this.#atOnce(changes, end, {
      run: (some, left) => this.#database.change('insert', [some.map((change) => newRow(change))], left),
      isDone: isWritten,
    });
  }

  #update(changes: readonly LedgerChange[], end: number): Promise<(boolean | undefined)[]> {
    return this.#atOnce(changes, end, {
      run: (some, left) =>
        some.length === 1
          ? this.#updateOne(some[0], left)
          : this.#database.change('updateMany', [JSON.stringify(some.map(changeOf))], left),
      isDone: isWritten,
    });
  }

  #updateOne(change: LedgerChange, within: number): Promise<number> {
    const { name, version, kept, expiredAt, ...to } = changeOf(change);
    const always = [to.fencingToken, to.keepUntil, to.ledger, name, version];
    if (kept) return this.#database.change('updateKept', always, within);
    const hold = [to.owner, to.holder, to.process, to.expiresAt];
    return this.#database.change('update', [...hold, ...always, expiredAt], within);
  }

  /**
   * Does the same to many rows in one statement, which says only how many rows it has changed. If these are some of them,
   * `isDone` tells which by what the rows hold after that.
   */
  async #atOnce<T extends { readonly key: string }, Unknown = never>(
    items: readonly T[],
    end: number,
    { run, runUnlocked, isDone }: Statement<T, Unknown>,
  ): Promise<(boolean | Unknown)[]> {
    if (items.length === 0) return [];
    const left = (): number => end - performance.now();
    let done: number;
    try {
      done = await run(items, left());
    } catch (error) {
      if (!isBlocked(error)) throw error;
      if (items.length === 1) return [false];
      // One that is locked, by a transaction of the user for example, must not hold up the others.
      if (runUnlocked) return this.#atOnce(items, end, { run: runUnlocked, isDone });
      return (await Promise.all(items.map((item) => this.#atOnce([item], end, { run, isDone })))).flat();
    }
    if (done === 0 || done === items.length) return items.map(() => done > 0);
    const rows = await this.#rows(
      items.map(({ key }) => key),
      left(),
    );
    return items.map((item, i) => isDone(item, rows[i]));
  }
}

interface AskedRow extends MysqlRow {
  readonly position: number;
}

interface ListedRow extends MysqlRow {
  readonly name: Buffer;
}

interface Statement<T, Unknown> {
  /** Returns how many rows it has changed. */
  readonly run: (items: readonly T[], within: number) => Promise<number>;
  /** The same, but leaves out rows that others have locked. */
  readonly runUnlocked?: (items: readonly T[], within: number) => Promise<number>;
  readonly isDone: (item: T, row: MysqlRow) => boolean | Unknown;
}

function isNew({ before }: LedgerChange): boolean {
  return !before.row;
}

/** In the order of the columns. */
function newRow(change: LedgerChange): unknown[] {
  const { name, version, owner, holder, process, fencingToken, expiresAt, keepUntil, ledger } =
    changeOf(change);
  return [name, version, owner, holder, process, fencingToken, expiresAt, keepUntil, ledger];
}

function ownersOf(holds: readonly { readonly key: string; readonly owner: string }[]): [string, string][] {
  return holds.map(({ key, owner }) => [key, owner]);
}
