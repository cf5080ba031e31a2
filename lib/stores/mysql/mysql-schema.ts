import { refuse } from '../../common/check-options.js';

const DEFAULT_TABLE = 'exclusive_lock';
const NAME = '[\\p{L}\\p{N}_$-]{1,64}';
const TABLE = new RegExp(`^(${NAME}\\.)?${NAME}$`, 'u');

/**
 * The SQL that makes the table, for the migrations of an application whose user may not create tables.
 *
 * @param table the same as the option `table` of `mysqlStore()`. @default 'exclusive_lock'
 * @throws LockConfigurationError
 * @example
 * await queryRunner.query(mysqlSchema()); // in a migration of TypeORM
 */
export function mysqlSchema(table?: string): string {
  return createTable(tableOf(table));
}

/** @throws LockConfigurationError */
export function tableOf(table: unknown = DEFAULT_TABLE): string {
  if (typeof table !== 'string' || !TABLE.test(table)) refuse('table', "'table' or 'database.table'", table);
  return table;
}

/** Times are microseconds since the epoch, as signed integers: MySQL refuses to subtract unsigned ones. */
export function createTable(table: string): string {
  return `CREATE TABLE IF NOT EXISTS ${quoted(table)} (
  name VARBINARY(1100) NOT NULL PRIMARY KEY,
  version BIGINT NOT NULL,
  owner VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
  holder MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  process VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
  fencing_token BIGINT NOT NULL,
  expires_at BIGINT NOT NULL COMMENT 'microseconds since 1970 in UTC; 0 when the lock was freed',
  keep_until BIGINT NOT NULL COMMENT 'as expires_at; when the row may be removed',
  ledger MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
) ENGINE = InnoDB`;
}

/** `database.table` has two parts. */
export function quoted(table: string): string {
  return table
    .split('.')
    .map((part) => `\`${part}\``)
    .join('.');
}
