import type { LedgerChange, LedgerReading, LedgerRow } from '../ledger/ledger-table.js';

// What the rows of the table say to the ledger store, and the other way round. Times in the table are microseconds.

/** A row as it is read. The columns of one that is missing are null. */
export interface MysqlRow {
  readonly version: number | null;
  readonly owner: string | null;
  readonly holder: string | null;
  readonly process: string | null;
  readonly fencing_token: number;
  /** The lock is held until then; 0 if it was freed. */
  readonly expires_at: number;
  readonly ledger: string;
  readonly now: number;
}

/** A row as it is written. */
export interface MysqlChange {
  readonly name: string;
  /** The version that it replaces; that of a new row. */
  readonly version: number;
  /** The hold in the row stays as it is, renewals included. */
  readonly kept: boolean;
  /** The expiry that was read. */
  readonly expiredAt: number;
  readonly owner: string | null;
  readonly holder: string | null;
  readonly process: string | null;
  readonly expiresAt: number;
  readonly fencingToken: number;
  readonly keepUntil: number;
  readonly ledger: string;
}

/** What was read of a row, with what tells whether it has changed since. */
interface ReadRow extends LedgerRow {
  readonly version: number;
  readonly expiresAt: number;
}

/** Later times are not told apart. */
const LATEST = Number.MAX_SAFE_INTEGER;

export function readingOf(row: MysqlRow): LedgerReading {
  return { now: row.now / 1000, row: rowOf(row) };
}

function rowOf(row: MysqlRow): ReadRow | undefined {
  const { version, owner, holder, process, fencing_token: fencingToken, expires_at: expiresAt, ledger } = row;
  if (version === null) return undefined;
  const ttl = (expiresAt - row.now) / 1000;
  const held =
    owner !== null && ttl > 0
      ? { owner, holder: holder ?? '', ttl, process: process ?? undefined }
      : undefined;
  return { version, expiresAt, held, fencingToken, ledger };
}

export function changeOf({ key, before, held, fencingToken, ledger, keepUntil }: LedgerChange): MysqlChange {
  const read = before.row as ReadRow | undefined;
  const hold = typeof held === 'string' ? undefined : held;
  return {
    name: key,
    // A row that was removed and made anew gets no version that it had before.
    version: read?.version ?? micros(before.now),
    kept: held === 'kept',
    expiredAt: read?.expiresAt ?? 0,
    owner: hold?.owner ?? null,
    holder: hold?.holder ?? null,
    process: hold?.process ?? null,
    expiresAt: hold ? micros(before.now + hold.ttl) : 0,
    fencingToken,
    keepUntil: micros(keepUntil),
    ledger,
  };
}

/** Whether the row, as it was read later, is the one that was written; undefined if it has been written again since. */
export function isWritten(change: LedgerChange, row: MysqlRow): boolean | undefined {
  const { version, kept, owner, fencingToken, ledger } = changeOf(change);
  const written = change.before.row ? version + 1 : version;
  if (row.version === null || row.version < written) return false;
  if (row.version > written) return undefined;
  return row.fencing_token === fencingToken && row.ledger === ledger && (kept || row.owner === owner);
}

export function micros(ms: number): number {
  return Math.min(Math.round(ms * 1000), LATEST);
}
