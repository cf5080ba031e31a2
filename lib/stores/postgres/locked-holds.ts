import { performance } from 'node:perf_hooks';
import type { PostgresChange, PostgresRow } from './postgres-rows.js';

/** Milliseconds for which a row must be locked, so that it is no write of another process. */
const LONGER_THAN_A_WRITE = 50;
/** Milliseconds for which such a lock counts as held. */
const HELD_FOR = 100;
const MOST = 1000;

interface Refused {
  readonly version: string;
  readonly expiredAt: string;
  readonly since: number;
}

/**
 * Notices holds that have expired, but whose rows are locked by a transaction that has called `assertHeldIn()`: the lock
 * is still held then.
 */
export class LockedHolds {
  readonly #refused = new Map<string, Refused>();

  /** A change was not made: the row has changed, or is locked. */
  refused({ name, version, expiredAt }: PostgresChange): void {
    if (version === null || expiredAt === null) return;
    const before = this.#refused.get(name);
    if (before?.version === version && before.expiredAt === expiredAt) return;
    // Of rows that are never read again.
    if (this.#refused.size >= MOST) this.#refused.clear();
    this.#refused.set(name, { version, expiredAt, since: performance.now() });
  }

  /** The row as it is to be read: a hold that its transaction keeps has some time left. */
  read(name: string, row: PostgresRow): PostgresRow {
    const refused = this.#refused.get(name);
    if (!refused) return row;
    const isSame = refused.version === row.version && refused.expiredAt === row.expires_at;
    const isLocked = isSame && performance.now() - refused.since >= LONGER_THAN_A_WRITE;
    // The next call finds out again whether it is locked.
    if (!isSame || isLocked) this.#refused.delete(name);
    return isLocked ? { ...row, expires_at: String(Number(row.now) + HELD_FOR * 1000) } : row;
  }
}
