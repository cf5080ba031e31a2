import type { LossReason } from '../errors.js';
import { reason } from './wording.js';

/** About the PostgreSQL store. */
export const postgresMessages = {
  noPostgresAddress: (option: string | undefined) =>
    option === undefined
      ? "postgresStore() needs an address: connectionString ('postgres://user:password@host:5432/database'), host, a " +
        'pool of pg, or the environment variable PGHOST.'
      : `The option ${option} of postgresStore() has no value, so pg would connect to localhost. Most likely the ` +
        'environment variable that it is read from is not set here. Set it.',
  foreignPostgresOption: (option: string, ours: string) =>
    `${option} is not an option of pg, which would ignore it. Use the option ${ours} of postgresStore().`,
  badPostgresUrl: (cause?: unknown) =>
    `The option connectionString of postgresStore() is not a PostgreSQL URL${cause ? ` (${reason(cause)})` : ''}. ` +
    'Give postgres://user:password@host:5432/database.',

  // Causes, which stand inside sentences
  tableNotMade: (table: string, cause: unknown, sql: string) =>
    `the table ${table} is missing, and this role may not create it (${reason(cause)}). Have it created with the SQL ` +
    `of postgresSchema(): ${sql.replace(/\s+/g, ' ').trim()}`,
  postgresForbidden: (table: string) =>
    `Let an operator run: GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO the role; and GRANT USAGE on its schema`,
  postgresReadOnly: () =>
    'The server takes no writes: it is a standby, or default_transaction_read_only is on. Give the address of the primary',
  postgresFull: () =>
    'All connections of the server or the role are in use. The store needs up to 3 for each process: raise ' +
    'max_connections, or make the pools of your applications smaller',
  postgresOtherTable: (table: string) =>
    `The table ${table} was not made by postgresSchema() of this version. Give the option table another name, or drop it`,

  postgresPolls: (description: string, why: string) =>
    `Waiters for a lock ask ${description} ten times a second, because ${why}. They are still served in order.`,
  poolerFound: () =>
    'there is a connection pooler in between, through which LISTEN may not work. If it keeps a server connection for ' +
    'each client (session pooling), say so with pooler: false; or give the address of the server itself',
  poolerSaid: () => 'LISTEN does not work through a transaction pooler (pooler: true)',
  listenRefused: (cause: unknown) => `LISTEN failed (${reason(cause)})`,

  notInTransaction: () =>
    'assertHeldIn() was called outside of a transaction, so it protects nothing. Begin a transaction on one connection, and ' +
    'give it that connection. A pool may run each statement on another one.',
  lostInTransaction: (name: string, why: LossReason) =>
    `The lease on "${name}" is lost: ${LOST_IN_TRANSACTION[why]}. Roll the transaction back.`,
  writtenByNewer: (name: string, table: string, rows: number) =>
    `The lease on "${name}" is lost: a newer holder has written ${rows === 1 ? 'the row' : `${rows} rows`} of ${table} ` +
    'that this update was for. Write nothing else with this lease.',
} as const;

/** What the table of locks says about a grant. */
const LOST_IN_TRANSACTION: Readonly<Record<string, string>> = {
  expired: 'its time is over',
  taken: 'the lock has been granted again since',
  released: 'it was released',
  vanished:
    'the table of locks has no row for it. Check that prefix, schema and table are those of postgresStore()',
};
