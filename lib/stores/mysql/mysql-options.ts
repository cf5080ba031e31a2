import type { ConnectionOptions } from 'mysql2';
import { checkIsObject, refuse } from '../../common/check-options.js';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { tableOf } from './mysql-schema.js';

/** Where the table of locks is: options of mysql2, a pool of yours, or a URL as `uri`. */
export interface MysqlStoreOptions {
  /** `mysql://user:password@host:3306/database` */
  uri?: string | undefined;
  /**
   * A pool of mysql2, whose settings are copied into connections of the store's own. The pool itself is never used,
   * changed or closed, so it may be exhausted.
   */
  pool?: object | undefined;
  /**
   * The table, or `database.table`.
   *
   * @default 'exclusive_lock'
   */
  table?: string | undefined;
  host?: string | undefined;
  /** @default 3306 */
  port?: number | undefined;
  user?: string | undefined;
  password?: string | undefined;
  database?: string | undefined;
  /** The path of a Unix socket. */
  socketPath?: string | undefined;
  /** TLS, as in mysql2. */
  ssl?: string | object | undefined;
  /** Any other option of a mysql2 connection. */
  [option: string]: unknown;
}

/** What the store needs to open connections. */
export interface MysqlPlace {
  readonly connection: ConnectionOptions;
  readonly table: string;
  /** For log lines. */
  readonly description: string;
}

/** Options that tell mysql2 where the server is. Without them it connects to localhost. */
const ADDRESS = ['uri', 'host', 'socketPath', 'stream', 'pool'] as const;
/** What other clients call them. mysql2 would ignore them and connect to localhost. */
const FOREIGN = { url: 'uri', connectionString: 'uri', username: 'user', schema: 'database' } as const;
/** The settings of a pool that say where its server is and how to log in. */
const OF_POOL = [
  'host',
  'port',
  'localAddress',
  'socketPath',
  'stream',
  'user',
  'password',
  'password2',
  'password3',
  'passwordSha1',
  'database',
  'ssl',
  'compress',
  'insecureAuth',
  'authPlugins',
  'authSwitchHandler',
  'enableCleartextPlugin',
  'connectAttributes',
] as const;

/** Options that the store depends on, whatever the user chose. */
const GUARDS = {
  charset: 'utf8mb4',
  // The time limit of the call counts.
  connectTimeout: 0,
  enableKeepAlive: true,
  // A firewall may drop idle connections silently; then the first call after hours of silence would fail.
  keepAliveInitialDelay: 15_000,
  multipleStatements: false,
  namedPlaceholders: false,
  rowsAsArray: false,
  nestTables: false,
  typeCast: true,
  stringifyObjects: true,
  supportBigNumbers: true,
  bigNumberStrings: false,
} satisfies ConnectionOptions;

/**
 * Checks what the user said.
 *
 * @param program the name of the connections, for `performance_schema.session_connect_attrs`
 * @throws LockConfigurationError
 */
export function placeOf(options: MysqlStoreOptions, program: string): MysqlPlace {
  checkIsObject(options, 'mysqlStore()');
  checkAddress(options);
  const { pool, table: name, ...own } = options;
  const idle = pool === undefined ? undefined : Object.keys(own).find((option) => own[option] !== undefined);
  if (idle !== undefined) throw new LockConfigurationError(messages.mysqlOptionBesidePool(idle));
  const table = tableOf(name);
  const chosen = pool === undefined ? own : settingsOf(pool);
  const connectAttributes = { program_name: program, ...(chosen as ConnectionOptions).connectAttributes };
  const connection = { ...chosen, connectAttributes, ...GUARDS } as ConnectionOptions;
  if (!databaseOf(connection) && !table.includes('.'))
    throw new LockConfigurationError(messages.noMysqlDatabase());
  return { connection, table, description: describe(connection) };
}

function checkAddress(options: MysqlStoreOptions): void {
  const given = ADDRESS.filter((option) => options[option] !== undefined);
  if (given.length === 0) {
    const missing = ADDRESS.find((option) => option in options);
    throw new LockConfigurationError(messages.noMysqlAddress(missing));
  }
  for (const [foreign, ours] of Object.entries(FOREIGN))
    if (options[foreign] !== undefined)
      throw new LockConfigurationError(messages.foreignMysqlOption(foreign, ours));
  const { uri } = options;
  if (uri !== undefined && !(typeof uri === 'string' && URL.canParse(uri) && /^(mysql|mariadb):/.test(uri)))
    throw new LockConfigurationError(messages.badMysqlUri());
}

/** @throws LockConfigurationError if it is no pool of mysql2, or one whose settings cannot be copied */
function settingsOf(pool: unknown): object {
  const outer = pool as { pool?: { config?: PoolConfig }; config?: PoolConfig } | null;
  const settings = (outer?.pool?.config ?? outer?.config)?.connectionConfig;
  if (typeof settings !== 'object' || settings === null) refuse('pool', 'a pool of mysql2', pool);
  return Object.fromEntries(
    OF_POOL.filter((option) => settings[option] !== undefined).map((option) => [option, settings[option]]),
  );
}

interface PoolConfig {
  readonly connectionConfig?: Record<string, unknown>;
}

function databaseOf({ uri, database }: ConnectionOptions): string | undefined {
  return database ?? (uri === undefined ? undefined : decodeURIComponent(new URL(uri).pathname.slice(1)));
}

function describe(connection: ConnectionOptions): string {
  const { uri, socketPath, host, port } = connection;
  const at = uri === undefined ? undefined : new URL(uri);
  const server = socketPath ?? `${host ?? at?.hostname ?? 'localhost'}:${port ?? (at?.port || 3306)}`;
  return `MySQL at ${server}/${databaseOf(connection) ?? ''}`;
}
