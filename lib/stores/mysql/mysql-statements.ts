import { createTable, quoted } from './mysql-schema.js';

// The table and the statements of the MySQL store. Times are microseconds since the epoch, as signed integers.

/**
 * The clock when a row is read or written. NOW() and UTC_TIMESTAMP() stand still while a statement waits. The session's
 * time zone is UTC: elsewhere an hour of autumn comes twice.
 */
const CLOCK = `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', SYSDATE(6))`;
/** What a new connection sets. A statement must not wait for others longer than a second, which is the least. */
export const SESSION =
  `SET time_zone = '+00:00', autocommit = 1, sql_mode = 'STRICT_TRANS_TABLES', ` +
  `innodb_lock_wait_timeout = 1, lock_wait_timeout = 1`;

/**
 * The statement with a time limit at the server, where there is one: MariaDB has it for every statement, MySQL for SELECT.
 * Others end by the limit of lock waits.
 */
export function limited(sql: string, ms: number): string {
  const limit = Math.max(1, Math.ceil(ms));
  const select = sql.replace(/^\s*SELECT/, `SELECT /*+ MAX_EXECUTION_TIME(${limit}) */`);
  return `/*M!100600 SET STATEMENT max_statement_time = ${limit / 1000} FOR */ ${select}`;
}

/** In the order in which `newRow()` has their values. */
const COLUMNS = 'name, version, owner, holder, process, fencing_token, expires_at, keep_until, ledger';

export type Statements = ReturnType<typeof statementsOf>;

/** The statements on the table with this name. */
export function statementsOf(name: string) {
  const table = quoted(name);
  const renewed = `expires_at = ${CLOCK} + ?`;
  const renewable = `(name, owner) IN (?) AND expires_at > ${CLOCK}`;
  const freed = `version = version + 1, expires_at = 0, keep_until = GREATEST(keep_until, ${CLOCK} + ?)`;
  const freeable = `${renewable} AND ledger = ''`;
  return {
    create: createTable(name),

    /** A JSON array of names; one row for each, with its position, from 1. */
    read: `
      SELECT position, version, owner, holder, process, fencing_token, expires_at, ledger, ${CLOCK} AS now
      FROM JSON_TABLE(?, '$[*]' COLUMNS (
        position FOR ORDINALITY, name VARCHAR(1100) CHARACTER SET utf8mb4 PATH '$'
      )) AS asked LEFT JOIN ${table} AS locks ON locks.name = asked.name`,

    /** A name to begin at, one to end before, and how many. */
    list: `
      SELECT name, version, owner, holder, process, fencing_token, expires_at, ledger, ${CLOCK} AS now
      FROM ${table} WHERE name >= ? AND name < ? AND expires_at > ${CLOCK} ORDER BY name LIMIT ?`,

    /** Tells by the number of affected rows how many were missing. */
    insert: `INSERT IGNORE INTO ${table} (${COLUMNS}) VALUES ?`,

    /** Writes one row that has not changed since it was read. A hold that has been renewed has. */
    update: `
      UPDATE ${table} SET version = version + 1, owner = ?, holder = ?, process = ?, expires_at = ?,
        fencing_token = ?, keep_until = ?, ledger = ?
      WHERE name = ? AND version = ? AND expires_at = ?`,

    /** The same, but for the hold. */
    updateKept: `
      UPDATE ${table} SET version = version + 1, fencing_token = ?, keep_until = ?, ledger = ?
      WHERE name = ? AND version = ?`,

    /** Both, for a JSON array of changes. A statement on two tables takes twice as long as one on a single table. */
    updateMany: `
      UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
        name VARCHAR(1100) CHARACTER SET utf8mb4 PATH '$.name', version BIGINT PATH '$.version',
        kept BOOLEAN PATH '$.kept', expired_at BIGINT PATH '$.expiredAt',
        owner VARCHAR(64) CHARACTER SET utf8mb4 PATH '$.owner',
        holder MEDIUMTEXT CHARACTER SET utf8mb4 PATH '$.holder',
        process VARCHAR(64) CHARACTER SET utf8mb4 PATH '$.process',
        expires_at BIGINT PATH '$.expiresAt', fencing_token BIGINT PATH '$.fencingToken',
        keep_until BIGINT PATH '$.keepUntil', ledger MEDIUMTEXT CHARACTER SET utf8mb4 PATH '$.ledger'
      )) AS wanted STRAIGHT_JOIN ${table} AS locks ON locks.name = wanted.name
      SET locks.version = locks.version + 1,
        locks.owner = IF(wanted.kept, locks.owner, wanted.owner),
        locks.holder = IF(wanted.kept, locks.holder, wanted.holder),
        locks.process = IF(wanted.kept, locks.process, wanted.process),
        locks.expires_at = IF(wanted.kept, locks.expires_at, wanted.expires_at),
        locks.fencing_token = wanted.fencing_token, locks.keep_until = wanted.keep_until,
        locks.ledger = wanted.ledger
      WHERE locks.version = wanted.version AND (wanted.kept OR locks.expires_at = wanted.expired_at)`,

    /** A TTL in microseconds, and pairs of name and owner. */
    renew: `UPDATE ${table} SET ${renewed} WHERE ${renewable}`,
    renewUnlocked: `UPDATE ${table} SET ${renewed} WHERE name IN (${unlocked(table, renewable)})`,

    /** How long to keep the rows, in microseconds, and pairs of name and owner. */
    free: `UPDATE ${table} SET ${freed} WHERE ${freeable}`,
    freeUnlocked: `UPDATE ${table} SET ${freed} WHERE name IN (${unlocked(table, freeable)})`,

    /** Rows that are of no use any more. It locks none: a DELETE that looks for them would lock all that it sees. */
    unused: `
      SELECT name, version FROM ${table}
      WHERE keep_until < ${CLOCK} AND expires_at < ${CLOCK} LIMIT 1000`,

    /** Pairs of name and version. */
    remove: `DELETE FROM ${table} WHERE (name, version) IN (?)`,
  };
}

/** The names of those rows that nobody else has locked. It takes two to three times as long as a statement that waits. */
function unlocked(table: string, where: string): string {
  return `SELECT name FROM (SELECT name FROM ${table} WHERE ${where} FOR UPDATE SKIP LOCKED) AS unlocked`;
}
