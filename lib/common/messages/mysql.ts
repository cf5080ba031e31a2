import { reason } from './wording.js';

/** About the MySQL store. */
export const mysqlMessages = {
  noMysqlAddress: (option: string | undefined) =>
    option === undefined
      ? "mysqlStore() needs an address: uri ('mysql://user:password@host:3306/database'), host, socketPath, or a pool of mysql2."
      : `The option ${option} of mysqlStore() has no value, so mysql2 would connect to localhost. Most likely the ` +
        'environment variable that it is read from is not set here. Set it.',
  noMysqlDatabase: () =>
    "mysqlStore() needs a database: the option database, a uri that ends with it, or table: 'database.table'.",
  foreignMysqlOption: (option: string, ours: string) =>
    `${option} is not an option of mysql2, which would ignore it. Use the option ${ours} of mysqlStore().`,
  mysqlOptionBesidePool: (option: string) =>
    `The option ${option} of mysqlStore() has no effect beside pool, whose settings are copied. Leave out one of them.`,
  badMysqlUri: () =>
    'The option uri of mysqlStore() is not a MySQL URL. Give mysql://user:password@host:3306/database.',

  // Causes, which stand inside sentences
  writtenAgain: () => 'other processes wrote the row again, so it is unknown whether this write came before',
  mysqlTableNotMade: (table: string, cause: unknown, sql: string) =>
    `the table ${table} is missing, and this user may not create it (${reason(cause)}). Have it created with the SQL of ` +
    `mysqlSchema(): ${sql.replace(/\s+/g, ' ')}`,
  mysqlForbidden: (table: string) =>
    `Let an operator create the table with the SQL of mysqlSchema() if it is missing, and run: GRANT SELECT, INSERT, UPDATE, ` +
    `DELETE ON ${table} TO the user`,
  mysqlReadOnly: () =>
    'The server takes no writes: it is a replica, or read_only is on. Give the address of the primary',
  mysqlFull: () =>
    'All connections of the server or the user are in use. The store needs up to 2 for each process: raise ' +
    'max_connections, or make the pools of your applications smaller',
  mysqlOtherTable: (table: string) =>
    `The table ${table} was not made by mysqlSchema() of this version. Give the option table another name, or drop it`,
} as const;
