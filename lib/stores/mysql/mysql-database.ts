import { performance } from 'node:perf_hooks';
import type { ResultSetHeader } from 'mysql2';
import { messages } from '../../common/messages.js';
import { explained, refusedForGood } from '../sql/explained.js';
import type { MysqlConnections } from './mysql-connections.js';
import { isBlocked, isMissingTable, isPermanent, surelyDidNothing, withRemedy } from './mysql-errors.js';
import { statementsOf, type Statements } from './mysql-statements.js';

/** Runs the statements on the table. */
export class MysqlDatabase {
  readonly description: string;
  readonly #connections: MysqlConnections;
  readonly #table: string;
  readonly #statements: Statements;

  constructor(connections: MysqlConnections, description: string, table: string) {
    this.#connections = connections;
    this.description = description;
    this.#table = table;
    this.#statements = statementsOf(table);
  }

  /** Returns how many rows it has changed. */
  async change(statement: keyof Statements, values: readonly unknown[], within: number): Promise<number> {
    return (await this.run<ResultSetHeader>(statement, values, within)).affectedRows;
  }

  /**
   * Makes the table if it is missing.
   *
   * @throws LockStoreError; an error that `isBlocked`; any other after which it is unknown what was written
   */
  async run<R>(statement: keyof Statements, values: readonly unknown[], within: number): Promise<R> {
    const end = performance.now() + within;
    const sql = this.#statements[statement];
    try {
      return await this.#connections.run<R>(sql, values, within);
    } catch (error) {
      if (!isMissingTable(error)) throw this.#explained(error);
    }
    await this.#create(end - performance.now());
    try {
      return await this.#connections.run<R>(sql, values, end - performance.now());
    } catch (error) {
      throw this.#explained(error);
    }
  }

  onReconnected(listener: () => void): void {
    this.#connections.onBack(listener);
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  async #create(within: number): Promise<void> {
    const { create } = this.#statements;
    try {
      await this.#connections.run(create, [], within);
    } catch (cause) {
      if (!isPermanent(cause)) throw this.#explained(cause);
      throw refusedForGood(
        new Error(messages.mysqlTableNotMade(this.#table, cause, create), { cause }),
        this.description,
      );
    }
  }

  #explained(error: unknown): unknown {
    if (isBlocked(error)) return error;
    return explained(error, this.description, {
      isPermanent,
      surelyDidNothing,
      withRemedy: (thrown) => withRemedy(thrown, this.#table),
    });
  }
}
