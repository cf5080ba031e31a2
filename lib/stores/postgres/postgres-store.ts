import { connectionName } from '../connection-name.js';
import { LedgerLockStore } from '../ledger/ledger-lock-store.js';
import type { LockStore } from '../lock-store.js';
import type { StoreContext, StoreToOpen } from '../store-to-open.js';
import { PostgresConnections } from './postgres-connections.js';
import { PostgresDatabase } from './postgres-database.js';
import { PostgresInbox } from './postgres-inbox.js';
import type { PostgresStoreOptions } from './postgres-options.js';
import { placeOf } from './postgres-place.js';
import { PostgresTable } from './postgres-table.js';

/** Milliseconds that the start waits for the server. */
const START_TIMEOUT = 2000;

/**
 * Keeps the locks in a table of a PostgreSQL database. The table is made if it is missing, and the role may make it; the
 * SQL for a migration is `postgresSchema()`. Needs the package `pg`. See docs/postgres.md.
 *
 * @example
 * ExclusiveLockModule.forRoot({ store: postgresStore({ connectionString: process.env.DATABASE_URL }) })
 */
export function postgresStore(options: PostgresStoreOptions): StoreToOpen {
  return { open: (context) => openPostgresStore(options, context) };
}

/** @throws LockConfigurationError */
async function openPostgresStore(
  options: PostgresStoreOptions,
  { prefix, logger, outages, replica }: StoreContext,
): Promise<LockStore> {
  const place = await placeOf(options, connectionName(replica));
  const connections = new PostgresConnections(place);
  const database = new PostgresDatabase(connections, place);
  const inbox = new PostgresInbox({
    description: place.description,
    pooler: place.pooler,
    open: (within, onEnd) => connections.open(within, onEnd),
    warn: (message) => logger.warn(message),
  });
  // A replica starts while the server is down, and says so.
  await database.run('read', [[]], START_TIMEOUT).catch((error: Error) => {
    outages.begin(place.description, error.cause ?? error);
  });
  return new LedgerLockStore(new PostgresTable(database, inbox, connections), prefix);
}
