import type { PostgresTableOptions } from './postgres-schema.js';

// Public, so it does not name the types of pg, which may be missing.

/** Where the table of locks is: a URL, options of pg, or a pool of yours. */
export interface PostgresStoreOptions extends PostgresTableOptions {
  /** `postgres://user:password@host:5432/database` */
  readonly connectionString?: string | undefined;
  /**
   * A pool of pg, whose settings are copied into connections of the store's own. The pool itself is never used, changed
   * or closed, so it may be exhausted.
   */
  readonly pool?: object | undefined;
  /**
   * Whether a transaction pooler, such as pgbouncer, is between the store and the server. Then nothing is set in a
   * session and nothing is prepared; and waiters ask ten times a second, since LISTEN does not work.
   *
   * @default found out at each connection
   */
  readonly pooler?: boolean | undefined;
  /** @default the environment variable `PGHOST` */
  readonly host?: string | undefined;
  /** @default 5432 */
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  /** Also a function that returns it, for passwords that change. */
  readonly password?: string | (() => string | Promise<string>) | undefined;
  readonly database?: string | undefined;
  /** TLS, as in pg. */
  readonly ssl?: boolean | object | undefined;
  /** Any other option of a client of pg. Those of a pool have no effect. */
  readonly [option: string]: unknown;
}
