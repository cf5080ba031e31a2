export { ExclusiveLockModule } from './exclusive-lock.module.js';
export { ExclusiveLockService } from './exclusive-lock.service.js';
export { Exclusive, type ExclusiveOptions } from './decorators/exclusive.decorator.js';
export type {
  CustomPlace,
  DefaultPlace,
  ExclusiveLockModuleOptions,
  ExclusiveLockSettings,
  LocalPlace,
  MemoryPlace,
  RedisPlace,
  StorePlace,
} from './exclusive-lock.options.js';
export type {
  RedisClientLike,
  RedisClusterOptions,
  RedisConnectionOptions,
  RedisServerOptions,
} from './stores/redis/redis-connection-options.js';
export type { Lease } from './core/lease.js';
export type { LeaseOptions } from './core/lease-options.js';
export type { LockState, RunOptions } from './core/lock-manager.js';
export type { Occurrence } from './core/occurrence.js';
export type { Holder } from './core/holder.js';
export type { Lost, Outcome, Ran, Skipped } from './core/outcome.js';
export {
  LockConfigurationError,
  LockError,
  LockLostError,
  LockServiceMissingError,
  LockShuttingDownError,
  LockStoreError,
  type LockErrorCode,
  type LossReason,
} from './common/errors.js';
export type {
  AcquireReply,
  AcquireRequest,
  HeldBy,
  LockStore,
  OwnerReply,
  OwnerRequest,
  RenewRequest,
  StoredLock,
  Tick,
} from './stores/lock-store.js';
