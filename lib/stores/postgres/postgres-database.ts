import { performance } from 'node:perf_hooks';
import { messages } from '../../common/messages.js';
import { explained, refusedForGood } from '../sql/explained.js';
import type { TextRow } from './postgres-connection.js';
import type { PostgresConnections } from './postgres-connections.js';
import {
  isMadeMeanwhile,
  isMissingSchema,
  isMissingTable,
  isPermanent,
  surelyDidNothing,
  withRemedy,
} from './postgres-errors.js';
import type { PostgresPlace } from './postgres-place.js';
import { createSchema, createTable } from './postgres-schema.js';
import { statementsOf, type Statement, type StatementName } from './postgres-statements.js';

/** Of those who make the table at once, all but one wait here: `IF NOT EXISTS` alone lets some of them fail. */
const ALONE = 'SELECT pg_advisory_xact_lock(5571802230894231);\n';

/** Runs the statements on the table, which it makes if it is missing. */
export class PostgresDatabase {
  readonly description: string;
  readonly #connections: PostgresConnections;
  readonly #place: PostgresPlace;
  readonly #statements: Readonly<Record<StatementName, Statement>>;

  constructor(connections: PostgresConnections, place: PostgresPlace) {
    this.description = place.description;
    this.#connections = connections;
    this.#place = place;
    this.#statements = statementsOf(place.table);
  }

  /** @throws LockStoreError, or any other error after which it is unknown what was written */
  async run<R = TextRow>(
    name: StatementName,
    values: readonly unknown[],
    within: number,
  ): Promise<readonly R[]> {
    const end = performance.now() + within;
    const statement = this.#statements[name];
    try {
      return (await this.#connections.run(statement, values, within)) as readonly R[];
    } catch (error) {
      if (!isMissingTable(error)) throw this.#explained(error);
    }
    await this.#create(end);
    try {
      return (await this.#connections.run(statement, values, end - performance.now())) as readonly R[];
    } catch (error) {
      throw this.#explained(error);
    }
  }

  async #create(end: number): Promise<void> {
    const { table, schema } = this.#place;
    const make = async (sql: string): Promise<unknown> => {
      return this.#connections.run({ text: ALONE + sql }, [], end - performance.now());
    };
    const all = schema === undefined ? createTable(table) : createSchema(schema) + createTable(table);
    try {
      // Many roles may make a table in a schema that is there, and no schema.
      await make(createTable(table)).catch((error: unknown) => {
        if (isMissingSchema(error) && schema !== undefined) return make(all);
        throw error;
      });
    } catch (cause) {
      if (isMadeMeanwhile(cause)) return;
      if (!isPermanent(cause)) throw this.#explained(cause);
      throw refusedForGood(new Error(messages.tableNotMade(table, cause, all), { cause }), this.description);
    }
  }

  #explained(error: unknown): unknown {
    return explained(error, this.description, {
      isPermanent,
      surelyDidNothing,
      withRemedy: (thrown) => withRemedy(thrown, this.#place.table),
    });
  }
}
