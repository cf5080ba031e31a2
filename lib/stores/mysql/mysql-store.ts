import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { connectionName } from '../connection-name.js';
import { LedgerLockStore } from '../ledger/ledger-lock-store.js';
import type { LockStore } from '../lock-store.js';
import type { StoreContext, StoreToOpen } from '../store-to-open.js';
import type { OpenConnection } from './mysql-connection.js';
import { MysqlConnections } from './mysql-connections.js';
import { MysqlDatabase } from './mysql-database.js';
import { placeOf, type MysqlStoreOptions } from './mysql-options.js';
import { MysqlTable } from './mysql-table.js';

/** Milliseconds that the start waits for the server. */
const START_TIMEOUT = 2000;

/**
 * Keeps locks in a table of MySQL 8 or later, or of MariaDB 10.6 or later. Needs the package `mysql2`. The table is made
 * when it is first needed, unless the user may not do that; see `mysqlSchema()`. Options are checked when it is opened.
 *
 * @example
 * ExclusiveLockModule.forRoot({ store: mysqlStore({ uri: 'mysql://app:secret@db:3306/shop' }) })
 */
export function mysqlStore(options: MysqlStoreOptions): StoreToOpen {
  return { open: (context) => openMysqlStore(options, context) };
}

/** @throws LockConfigurationError */
async function openMysqlStore(
  options: MysqlStoreOptions,
  { prefix, outages, replica }: StoreContext,
): Promise<LockStore> {
  const { connection, description, table } = placeOf(options, connectionName(replica));
  const connections = new MysqlConnections(await loadMysql2(), connection);
  const database = new MysqlDatabase(connections, description, table);
  // A replica starts while the server is down, and says so.
  await database.run('read', ['[]'], START_TIMEOUT).catch((error: Error) => {
    outages.begin(description, error.cause ?? error);
  });
  return new LedgerLockStore(new MysqlTable(database), prefix);
}

async function loadMysql2(): Promise<OpenConnection> {
  try {
    return (await import('mysql2')).createConnection;
  } catch (cause) {
    throw new LockConfigurationError(messages.missingPeer('mysql2', 'MySQL'), { cause });
  }
}
