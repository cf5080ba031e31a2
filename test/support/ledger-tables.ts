import { setImmediate } from 'node:timers/promises';
import type {
  LedgerChange,
  LedgerFreed,
  LedgerHold,
  LedgerReading,
  LedgerRenewal,
  LedgerTable,
  ListedLedger,
} from '../../lib/stores/ledger/ledger-table.js';
import type { QueueGrant } from '../../lib/stores/lock-store.js';

interface Row {
  version: number;
  held: (LedgerHold & { expiresAt: number }) | undefined;
  fencingToken: number;
  ledger: string;
}

interface Versioned extends LedgerReading {
  readonly version?: number | undefined;
}

/** The rows of a table, which several instances share as processes share a database. */
export class Rows extends Map<string, Row> {
  readonly clock: () => number;
  /** Processes that have died. */
  readonly gone = new Set<string>();
  readonly watchers = new Map<string, Set<(grant?: QueueGrant) => void>>();

  constructor(clock: () => number) {
    super();
    this.clock = clock;
  }
}

/** What a table must have. */
export class PlainTable implements LedgerTable {
  readonly description = 'a table in memory';
  /** Nothing is answered before this. */
  way: Promise<void> = Promise.resolve();
  readonly rows: Rows;

  constructor(rows: Rows) {
    this.rows = rows;
  }

  async read(keys: readonly string[]): Promise<LedgerReading[]> {
    return this.answered(keys.map((key) => this.reading(key)));
  }

  async write(changes: readonly LedgerChange[]): Promise<(boolean | undefined)[]> {
    await setImmediate();
    return this.answered(changes.map((change) => this.writeRow(change)));
  }

  async *list(prefix: string): AsyncGenerator<ListedLedger> {
    for (const [key] of this.rows) {
      const { row } = this.reading(key);
      if (key.startsWith(prefix) && row?.held) yield { key, row: { ...row, held: row.held } };
    }
    await this.answered(undefined);
  }

  async close(): Promise<void> {}

  protected async answered<T>(reply: T): Promise<T> {
    await setImmediate();
    await this.way;
    return reply;
  }

  protected reading(key: string): Versioned {
    const now = this.rows.clock();
    const row = this.rows.get(key);
    if (!row) return { now };
    const { version, held, fencingToken, ledger } = row;
    const isHeld = held && held.expiresAt > now;
    return {
      now,
      version,
      row: { held: isHeld ? { ...held, ttl: held.expiresAt - now } : undefined, fencingToken, ledger },
    };
  }

  protected writeRow({ key, before, held, fencingToken, ledger }: LedgerChange): boolean {
    const row = this.rows.get(key);
    if (row?.version !== (before as Versioned).version) return false;
    const hold =
      held === 'kept'
        ? row?.held
        : held === 'freed'
          ? undefined
          : { ...held, expiresAt: before.now + held.ttl };
    this.rows.set(key, { version: (row?.version ?? 0) + 1, held: hold, fencingToken, ledger });
    return true;
  }
}

/** What a table may have. */
export class FullTable extends PlainTable {
  readonly #process = `process-${Math.random()}`;

  async renew(holds: readonly LedgerRenewal[]): Promise<boolean[]> {
    return this.answered(
      holds.map(({ key, owner, ttl }) =>
        this.#change(key, owner, (held) => {
          held.expiresAt = this.rows.clock() + ttl;
        }),
      ),
    );
  }

  async free(holds: readonly LedgerFreed[]): Promise<boolean[]> {
    return this.answered(
      holds.map(({ key, owner }) => {
        const row = this.rows.get(key);
        if (row?.ledger !== '') return false;
        return this.#change(key, owner, () => {
          row.held = undefined;
          row.version++;
        });
      }),
    );
  }

  watch(key: string, onNews: (grant?: QueueGrant) => void): () => void {
    const watchers = this.rows.watchers.get(key) ?? new Set();
    this.rows.watchers.set(key, watchers.add(onNews));
    return () => void watchers.delete(onNews);
  }

  processFor(): string {
    return this.#process;
  }

  async gone(processes: readonly string[]): Promise<Set<string>> {
    return this.answered(new Set(processes.filter((one) => this.rows.gone.has(one))));
  }

  protected override writeRow(change: LedgerChange): boolean {
    const isWritten = super.writeRow(change);
    const { given, key } = change;
    if (isWritten && given) for (const onNews of this.rows.watchers.get(key) ?? []) onNews(given);
    return isWritten;
  }

  #change(key: string, owner: string, change: (held: NonNullable<Row['held']>) => void): boolean {
    const held = this.rows.get(key)?.held;
    if (held?.owner !== owner || held.expiresAt <= this.rows.clock()) return false;
    change(held);
    return true;
  }
}
