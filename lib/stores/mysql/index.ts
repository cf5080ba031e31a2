export { mysqlSchema } from './mysql-schema.js';
export { mysqlStore } from './mysql-store.js';
export type { MysqlStoreOptions } from './mysql-options.js';
