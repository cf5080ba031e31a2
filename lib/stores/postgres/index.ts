// The entry point nestjs-exclusive-lock/postgres. Nothing that it imports may import Nest, reflect-metadata or rxjs.
export { postgresStore } from './postgres-store.js';
export { postgresSchema, type PostgresTableOptions } from './postgres-schema.js';
export type { PostgresStoreOptions } from './postgres-options.js';
export type { StoreToOpen } from '../store-to-open.js';
export {
  assertHeldIn,
  updateFenced,
  type FencedUpdate,
  type GrantOfLock,
  type LockPlace,
  type StatementRunner,
} from './fenced-writes.js';
