import type { ConnectionOptions } from 'mysql2';
import { ConnectionPool } from '../sql/connection-pool.js';
import { MysqlConnection, type OpenConnection } from './mysql-connection.js';
import { SESSION } from './mysql-statements.js';

/** The store's own connections. */
export class MysqlConnections extends ConnectionPool<MysqlConnection> {
  constructor(open: OpenConnection, options: ConnectionOptions) {
    super({
      make: (onEnd) => new MysqlConnection(open, options, onEnd),
      prepare: (connection, deadline, within) => connection.query(SESSION, [], deadline, within),
    });
  }

  /** As `use`, with the statement. */
  run<R>(sql: string, values: readonly unknown[], within: number): Promise<R> {
    return this.use(within, (connection, deadline) => connection.query<R>(sql, values, deadline, within));
  }
}
