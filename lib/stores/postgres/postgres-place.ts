import process from 'node:process';
import type { Client, ClientConfig } from 'pg';
import { checkIsObject, refuse } from '../../common/check-options.js';
import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import type { ClientClass } from './postgres-connection.js';
import type { PostgresStoreOptions } from './postgres-options.js';
import { checkNames, qualifiedName } from './postgres-schema.js';

/** What the store needs to open connections. */
export interface PostgresPlace {
  readonly Client: ClientClass;
  readonly config: ClientConfig;
  readonly pooler: boolean | undefined;
  /** The qualified name. */
  readonly table: string;
  readonly schema: string | undefined;
  /** For log lines. */
  readonly description: string;
}

/** Options that tell pg where the server is. Without them it connects to localhost. */
const ADDRESS = ['connectionString', 'host', 'pool'] as const;
/** What other clients call them. pg would ignore them and connect to localhost. */
const FOREIGN = { url: 'connectionString', uri: 'connectionString', username: 'user' } as const;

/** Options that the store depends on, whatever the user chose. */
const GUARDS = {
  // The time limit of the call counts.
  connectionTimeoutMillis: 0,
  query_timeout: 0,
  statement_timeout: false,
  lock_timeout: 0,
  keepAlive: true,
  // A firewall may drop idle connections silently; then the first call after hours of silence would fail.
  keepAliveInitialDelayMillis: 15_000,
} satisfies ClientConfig;

/**
 * Checks what the user said.
 *
 * @param name of the connections, for `pg_stat_activity`
 * @throws LockConfigurationError
 */
export async function placeOf(options: PostgresStoreOptions, name: string): Promise<PostgresPlace> {
  checkIsObject(options, 'postgresStore()');
  checkAddress(options);
  checkNames(options);
  const { schema, table, pool, pooler, ...own } = options;
  if (pooler !== undefined && typeof pooler !== 'boolean') refuse('pooler', 'true or false', pooler);
  const chosen = pool === undefined ? own : settingsOf(pool);
  const config: ClientConfig = { application_name: name, ...chosen, ...GUARDS };
  const Client = (pool as PoolLike)?.Client ?? (await loadPg());
  const description = describe(Client, config);
  return { Client, config, pooler, table: qualifiedName({ schema, table }), schema, description };
}

function checkAddress(options: PostgresStoreOptions): void {
  const { connectionString: url } = options;
  // pg would take any other text for the name of a database on localhost. A path is that of a Unix socket.
  const isUrl = typeof url === 'string' && (/^(socket:|\/)/.test(url) || /^postgres(ql)?:/.test(url));
  if (url !== undefined && !isUrl) throw new LockConfigurationError(messages.badPostgresUrl());
  for (const [foreign, ours] of Object.entries(FOREIGN))
    if (options[foreign] !== undefined)
      throw new LockConfigurationError(messages.foreignPostgresOption(foreign, ours));
  if (ADDRESS.some((option) => options[option] !== undefined)) return;
  const missing = ADDRESS.find((option) => option in options);
  if (missing !== undefined || !process.env['PGHOST'])
    throw new LockConfigurationError(messages.noPostgresAddress(missing));
}

/** A pool of pg, of whatever copy of it. */
interface PoolLike {
  readonly Client?: ClientClass;
  readonly options?: ClientConfig;
}

/** @throws LockConfigurationError if it is no pool of pg */
function settingsOf(pool: object): ClientConfig {
  const { options, Client } = pool as PoolLike;
  if (typeof options !== 'object' || options === null || typeof Client !== 'function')
    refuse('pool', 'a pool of pg', pool);
  // A pool hides the password, so that it is not logged.
  return { ...options, password: options.password };
}

/** @throws LockConfigurationError */
function describe(Client: ClientClass, config: ClientConfig): string {
  try {
    const { host, port, database } = new Client(config) as Client & { database?: string };
    return host.startsWith('/')
      ? `PostgreSQL at ${host}/${database}`
      : `PostgreSQL at ${host}:${port}/${database}`;
  } catch (cause) {
    throw new LockConfigurationError(messages.badPostgresUrl(cause), { cause });
  }
}

async function loadPg(): Promise<ClientClass> {
  try {
    // Where only the CommonJS part is loaded as an ES module, all of it is the default.
    const pg = await import('pg');
    return pg.Client ?? pg.default.Client;
  } catch (cause) {
    throw new LockConfigurationError(messages.missingPeer('pg', 'PostgreSQL'), { cause });
  }
}
