import { checkOptions, refuse, type KnownOptions } from '../../common/check-options.js';

/** Where the table of locks is. */
export interface PostgresTableOptions {
  /**
   * The schema of the table.
   *
   * @default the first in the `search_path` of the role, which is `public` in most databases
   */
  readonly schema?: string | undefined;
  /** @default 'exclusive_lock' */
  readonly table?: string | undefined;
}

const KNOWN: KnownOptions<PostgresTableOptions> = { schema: true, table: true };
/** PostgreSQL cuts longer names off, with no more than a notice. */
const LONGEST_NAME = 63;

/**
 * The SQL that makes the table of locks, for a migration. It does no harm where the table is there already.
 *
 * @throws LockConfigurationError
 * @example
 * // TypeORM
 * await queryRunner.query(postgresSchema({ schema: 'locks' }));
 */
export function postgresSchema(options: PostgresTableOptions = {}): string {
  checkOptions(options, KNOWN, 'postgresSchema()');
  checkNames(options);
  const { schema } = options;
  const table = createTable(qualifiedName(options));
  return schema === undefined ? table : createSchema(schema) + table;
}

export function createSchema(schema: string): string {
  return `CREATE SCHEMA IF NOT EXISTS ${quoted(schema)};\n`;
}

/** @param table a qualified name */
export function createTable(table: string): string {
  return `CREATE TABLE IF NOT EXISTS ${table} (
  name text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL,
  owner text,
  holder text,
  process text,
  fencing_token bigint NOT NULL,
  expires_at timestamptz,
  keep_until timestamptz NOT NULL,
  ledger text NOT NULL
) WITH (fillfactor = 50);
`;
}

/** @throws LockConfigurationError */
export function checkNames({ schema, table }: PostgresTableOptions): void {
  for (const [option, value] of Object.entries({ schema, table })) {
    const isName = typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= LONGEST_NAME;
    if (value !== undefined && !(isName && !value.includes('\0')))
      refuse(option, `a name of at most ${LONGEST_NAME} bytes`, value);
  }
}

export function qualifiedName({ schema, table = 'exclusive_lock' }: PostgresTableOptions): string {
  return schema === undefined ? quoted(table) : `${quoted(schema)}.${quoted(table)}`;
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
