export { ExclusiveLockModule } from './exclusive-lock.module.js';
export {
  ExclusiveLockService,
  type ForceReleaseOptions,
  type ListOptions,
} from './exclusive-lock.service.js';
export { Exclusive, type ExclusiveDecorator } from './decorators/exclusive.decorator.js';
export type { ExclusiveMethodDecorator } from './decorators/method-types.js';
export { ExclusiveLockExceptionFilter } from './http/exclusive-lock-exception.filter.js';
export type { ExclusiveOptions, PolicyOptions } from './decorators/exclusive-options.js';
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
export { tickOccurrence } from './schedule/cron-tick.js';
export type { OccurrenceOptions } from './schedule/occurrence-options.js';
export type { LoggerWithLevels } from './common/logger.js';
export type { ExclusiveLock, ExclusiveLockEvents, ExclusiveLockOptions } from './core/exclusive-lock.js';
export type { Lease } from './core/lease.js';
export type { LeaseOptions } from './core/lease-options.js';
export type { AcquireOptions, LockState, RunOptions } from './core/lock-manager.js';
export type { GapOccurrence, KeyOccurrence, Occurrence, TickOccurrence } from './core/occurrence.js';
export type { Clock } from './common/clock.js';
export type { Holder } from './common/holder.js';
export type {
  AcquiredEvent,
  ForcedEvent,
  LockEvent,
  LostEvent,
  ReleasedEvent,
  ReleaseRefusedEvent,
  RenewalFailedEvent,
  RenewedEvent,
  SkippedEvent,
  WaitedEvent,
} from './core/lock-events.js';
export type { Lost, Outcome, Ran, Skipped } from './core/outcome.js';
export {
  LockBusyError,
  LockConfigurationError,
  LockError,
  LockLostError,
  LockServiceMissingError,
  LockShuttingDownError,
  LockStoreError,
  LockTimeoutError,
  type LockErrorCode,
  type LossReason,
} from './common/errors.js';
export type {
  AcquireReply,
  AcquireRequest,
  Claim,
  ForceRequest,
  GapClaim,
  HeldBy,
  KeyClaim,
  LockStore,
  OwnerReply,
  OwnerRequest,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
  TickClaim,
  Turn,
  UndoRequest,
} from './stores/lock-store.js';
