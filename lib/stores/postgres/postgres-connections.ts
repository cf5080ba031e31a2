import { ConnectionPool } from '../sql/connection-pool.js';
import { PostgresConnection, type TextRow } from './postgres-connection.js';
import type { PostgresPlace } from './postgres-place.js';

/** The store's own connections: for statements, and one that listens. */
export class PostgresConnections extends ConnectionPool<PostgresConnection> {
  constructor({ Client, config, pooler }: PostgresPlace) {
    super({
      make: (onEnd) => new PostgresConnection(new Client(config), pooler, onEnd),
      prepare: (connection, deadline, within) => connection.connect(deadline, within),
    });
  }

  /** As `use`, with the statement. */
  run(
    statement: { readonly name?: string; readonly text: string },
    values: readonly unknown[],
    within: number,
  ): Promise<readonly TextRow[]> {
    return this.use(within, (connection, deadline) => connection.query(statement, values, deadline, within));
  }
}
