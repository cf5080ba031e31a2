import { LockConfigurationError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { LedgerLockStore } from '../ledger/ledger-lock-store.js';
import type { StoreToOpen } from '../store-to-open.js';
import type { OpenConnection } from './mysql-connection.js';
import { MysqlConnections } from './mysql-connections.js';
import { MysqlDatabase } from './mysql-database.js';
import { placeOf, type MysqlStoreOptions } from './mysql-options.js';
import { MysqlTable } from './mysql-table.js';

/**
 * Keeps locks in a table of MySQL 8 or later, or of MariaDB 10.6 or later. Needs the package `mysql2`. The table is made
 * when it is first needed, unless the user may not do that; see `mysqlSchema()`. Options are checked when it is opened.
 *
 * @example
 * ExclusiveLockModule.forRoot({ store: mysqlStore({ uri: 'mysql://app:secret@db:3306/shop' }) })
 */
export function mysqlStore(options: MysqlStoreOptions): StoreToOpen {
  return {
    async open({ prefix }) {
      const { connection, description, table } = placeOf(options);
      const connections = new MysqlConnections(await loadMysql2(), connection);
      return new LedgerLockStore(new MysqlTable(new MysqlDatabase(connections, description, table)), prefix);
    },
  };
}

async function loadMysql2(): Promise<OpenConnection> {
  try {
    return (await import('mysql2')).createConnection;
  } catch (cause) {
    throw new LockConfigurationError(messages.missingPeer('mysql2', 'MySQL'), { cause });
  }
}
