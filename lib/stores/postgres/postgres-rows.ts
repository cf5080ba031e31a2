import type { LedgerChange, LedgerReading, LedgerRow } from '../ledger/ledger-table.js';

// What the rows of the table say to the ledger store, and the other way round. Numbers come as text.

/** A row as it is read. The columns of one that is missing are null. */
export interface PostgresRow {
  readonly version: string | null;
  readonly owner: string | null;
  readonly holder: string | null;
  readonly process: string | null;
  readonly fencing_token: string;
  /** Microseconds since the epoch. */
  readonly expires_at: string | null;
  readonly ledger: string;
  /** As `expires_at`. */
  readonly now: string;
}

/** A row as it is written, in the order of the parameters. */
export interface PostgresChange {
  readonly name: string;
  /** The version that it replaces; null: it was missing. */
  readonly version: string | null;
  /** The hold in the row stays as it is, renewals included. */
  readonly kept: boolean;
  /** The expiry that was read. */
  readonly expiredAt: string | null;
  readonly owner: string | null;
  readonly holder: string | null;
  readonly process: string | null;
  readonly expiresAt: number | null;
  readonly fencingToken: number;
  readonly keepUntil: number;
  readonly ledger: string;
  /** Where to send the news. */
  readonly channel: string | null;
  readonly news: string | null;
}

/** What was read of a row, with what tells whether it has changed since. */
interface ReadRow extends LedgerRow {
  readonly version: string;
  readonly expiresAt: string | null;
}

/** Later times are not told apart. */
const LATEST = Number.MAX_SAFE_INTEGER;

export function readingOf(row: PostgresRow): LedgerReading {
  return { now: Number(row.now) / 1000, row: rowOf(row) };
}

function rowOf(row: PostgresRow): ReadRow | undefined {
  const { version, owner, holder, process, expires_at: expiresAt, ledger } = row;
  if (version === null) return undefined;
  const ttl = (Number(expiresAt ?? 0) - Number(row.now)) / 1000;
  const held =
    owner !== null && ttl > 0
      ? { owner, holder: holder ?? '', ttl, process: process ?? undefined }
      : undefined;
  return { version, expiresAt, held, fencingToken: Number(row.fencing_token), ledger };
}

export function changeOf(change: LedgerChange): PostgresChange {
  const { key, before, held, fencingToken, ledger, keepUntil, given } = change;
  const read = before.row as ReadRow | undefined;
  const hold = typeof held === 'string' ? undefined : held;
  return {
    name: key,
    version: read?.version ?? null,
    kept: held === 'kept',
    expiredAt: read?.expiresAt ?? null,
    owner: hold?.owner ?? null,
    holder: hold?.holder ?? null,
    process: hold?.process ?? null,
    expiresAt: hold ? micros(before.now + hold.ttl) : null,
    fencingToken,
    keepUntil: micros(keepUntil),
    ledger,
    channel: given?.process === undefined ? null : channelOf(given.process),
    news: given ? [given.fencingToken, given.keptFor, given.owner, key].join('\n') : null,
  };
}

/** Where a process listens for news. */
export function channelOf(process: string): string {
  return `exclusive_lock_${process}`;
}

function micros(ms: number): number {
  return Math.min(Math.round(ms * 1000), LATEST);
}
