import type {
  LedgerChange,
  LedgerFreed,
  LedgerReading,
  LedgerRenewal,
  LedgerTable,
  ListedLedger,
} from '../ledger/ledger-table.js';
import type { QueueGrant } from '../lock-store.js';
import { LockedHolds } from './locked-holds.js';
import type { PostgresDatabase } from './postgres-database.js';
import type { PostgresInbox } from './postgres-inbox.js';
import { changeOf, readingOf, type PostgresChange, type PostgresRow } from './postgres-rows.js';
import { PostgresSweeper } from './postgres-sweeper.js';

/** The most rows of one page of a listing. */
const PAGE = 500;
const LAST_CODE_POINT = 0x10ffff;

/** The rows of locks in PostgreSQL. */
export class PostgresTable implements LedgerTable {
  readonly description: string;
  readonly #database: PostgresDatabase;
  readonly #inbox: PostgresInbox;
  readonly #sweeper: PostgresSweeper;
  readonly #lockedHolds = new LockedHolds();
  readonly #connections: { onBack(listener: () => void): void; close(): Promise<void> };

  constructor(
    database: PostgresDatabase,
    inbox: PostgresInbox,
    connections: { onBack(listener: () => void): void; close(): Promise<void> },
  ) {
    this.description = database.description;
    this.#database = database;
    this.#inbox = inbox;
    this.#connections = connections;
    this.#sweeper = new PostgresSweeper(database);
  }

  async read(keys: readonly string[], within: number): Promise<LedgerReading[]> {
    const rows =
      keys.length === 1
        ? await this.#database.run<PostgresRow>('readOne', [keys[0]], within)
        : await this.#database.run<PostgresRow>('read', [keys], within);
    return rows.map((row, i) => readingOf(this.#lockedHolds.read(keys[i], row)));
  }

  async write(changes: readonly LedgerChange[], within: number): Promise<boolean[]> {
    const wanted = changes.map(changeOf);
    const [first] = wanted;
    // A statement for many rows takes longer.
    const isPlain = wanted.length === 1 && first.version !== null && !first.kept && first.channel === null;
    const written = isPlain
      ? await this.#database.run('writeOne', plainValues(first), within)
      : await this.#database.run('write', columns(wanted), within);
    const names = new Set(written.map(({ name }) => name));
    for (const change of wanted) if (!names.has(change.name)) this.#lockedHolds.refused(change);
    return wanted.map(({ name }) => names.has(name));
  }

  async *list(prefix: string, within: number): AsyncGenerator<ListedLedger> {
    const end = endOf(prefix);
    let begin = prefix;
    for (let isLast = false; !isLast;) {
      const rows = await this.#database.run<ListedRow>('list', [begin, end, PAGE], within);
      for (const row of rows) yield { key: row.name, ...readingOf(row) } as ListedLedger;
      isLast = rows.length < PAGE;
      // No name ends with this.
      if (!isLast) begin = `${rows[PAGE - 1].name}\u0001`;
    }
  }

  renew(holds: readonly LedgerRenewal[], within: number): Promise<boolean[]> {
    const ttls = holds.map(({ ttl }) => ttl);
    return this.#ofOwners('renew', holds, ttls, within);
  }

  free(holds: readonly LedgerFreed[], within: number): Promise<boolean[]> {
    const keepFor = holds.map((hold) => hold.keepFor);
    return this.#ofOwners('free', holds, keepFor, within);
  }

  watch(key: string, onNews: (grant?: QueueGrant) => void): () => void {
    return this.#inbox.watch(key, onNews);
  }

  processFor(): string | undefined {
    return this.#inbox.process;
  }

  async gone(processes: readonly string[], within: number): Promise<Set<string>> {
    const rows = await this.#database.run('gone', [processes], within);
    return new Set(rows.map(({ process }) => process!));
  }

  onReconnected(listener: () => void): void {
    this.#connections.onBack(listener);
  }

  async close(): Promise<void> {
    this.#inbox.close();
    this.#sweeper.close();
    await this.#connections.close();
  }

  /** Says which of the holds were still of their owners. */
  async #ofOwners(
    statement: 'renew' | 'free',
    holds: readonly { readonly key: string; readonly owner: string }[],
    times: readonly number[],
    within: number,
  ): Promise<boolean[]> {
    const keys = holds.map(({ key }) => key);
    const owners = holds.map(({ owner }) => owner);
    const rows = await this.#database.run(statement, [keys, owners, times], within);
    const done = new Set(rows.map(({ name, owner }) => `${owner}\n${name}`));
    return holds.map(({ key, owner }) => done.has(`${owner}\n${key}`));
  }
}

interface ListedRow extends PostgresRow {
  readonly name: string;
}

/** As the statement `writeOne` has its parameters. */
function plainValues(change: PostgresChange): unknown[] {
  const { name, version, expiredAt, owner, holder, process, expiresAt, fencingToken, keepUntil, ledger } =
    change;
  return [name, version, expiredAt, owner, holder, process, expiresAt, fencingToken, keepUntil, ledger];
}

/** An array for each column. */
function columns(changes: readonly PostgresChange[]): unknown[] {
  return (Object.keys(changes[0]) as (keyof PostgresChange)[]).map((column) =>
    changes.map((change) => change[column]),
  );
}

/** The first text, byte by byte, that comes after all with this prefix. */
function endOf(prefix: string): string {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop() ?? LAST_CODE_POINT;
  // After the surrogates, which no text holds.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
