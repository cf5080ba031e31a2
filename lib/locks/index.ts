// The entry point nestjs-exclusive-lock/locks. Nothing that it imports may import Nest, reflect-metadata or rxjs.
export { Locks, type ForceReleaseOptions, type ListOptions } from './locks.js';
export { openLocks, type OpenedLocks, type OpenLocksOptions, type OpenLocksSettings } from './open-locks.js';
export type {
  CustomPlace,
  DefaultPlace,
  LocalPlace,
  MemoryPlace,
  RedisPlace,
  StorePlace,
} from '../exclusive-lock.options.js';
export type {
  NodeRedisClientLike,
  RedisClientLike,
  RedisClusterOptions,
  RedisConnectionOptions,
  RedisServerOptions,
} from '../stores/redis/redis-connection-options.js';
export { tickOccurrence } from '../schedule/cron-tick.js';
export type { JobRole } from '../core/local-jobs.js';
export type { Job, JobName, JobWithRuns, JobsOverview, PauseOptions, Replica, Run } from './job-types.js';
export type { Jobs } from './jobs.js';
export type { LoggerWithLevels } from '../common/logger.js';
export type { Election, ElectionOptions, WhileLeaderOptions } from '../core/election.js';
export type { ExclusiveLock, ExclusiveLockEvents, ExclusiveLockOptions } from '../core/exclusive-lock.js';
export type { Lease } from '../core/lease.js';
export type { LeaseOptions } from '../core/lease-options.js';
export type { LockState } from '../core/lock-manager.js';
export type { AcquireOptions, RunOptions } from '../core/run-options.js';
export type {
  GapOccurrence,
  KeyOccurrence,
  MissedOccurrence,
  Occurrence,
  TickOccurrence,
} from '../core/occurrence.js';
export type { Duration } from '../common/duration.js';
export type { Clock } from '../common/clock.js';
export type { Holder } from '../common/holder.js';
export type {
  AcquiredEvent,
  FinishedEvent,
  ForcedEvent,
  LeadershipEvent,
  LockEvent,
  LostEvent,
  MissedEvent,
  ReleasedEvent,
  ReleaseRefusedEvent,
  RenewalFailedEvent,
  RenewedEvent,
  SkippedEvent,
  TermBeganEvent,
  TermEndedEvent,
  TermEndReason,
  StartedEvent,
  WaitedEvent,
} from '../core/lock-events.js';
export type { AroundRun, RunTrace } from '../core/runs.js';
export type { Lost, Outcome, Paused, Ran, Skipped } from '../core/outcome.js';
export {
  LockBusyError,
  LockConfigurationError,
  LockError,
  LockLostError,
  LockShuttingDownError,
  LockStoreError,
  LockTimeoutError,
  type LockErrorCode,
  type LossReason,
} from '../common/errors.js';
export { asBasicStore } from '../stores/basic/as-basic-store.js';
export { basicStore } from '../stores/basic/basic-store.js';
export type {
  BasicAcquireResult,
  BasicHolder,
  BasicLockStore,
  BasicStoreOptions,
} from '../stores/basic/basic-lock-store.js';
export { LockLedger } from '../stores/lock-ledger.js';
export {
  BEHIND_TOLERANCE,
  EARLY_TOLERANCE,
  GRANT_TIMEOUT,
  MAX_ATTEMPTS,
  TOKEN_RETENTION,
  VOID_RETENTION,
  WAITER_RETENTION,
  recordsCompletion,
  retentionFor,
} from '../stores/lock-store.js';
export type {
  AcquireReply,
  AcquireRequest,
  Claim,
  EndOfRun,
  ForceRequest,
  GapClaim,
  HeldBy,
  JobPause,
  JobRequest,
  JobState,
  KeyClaim,
  LockAdmin,
  LockQueue,
  LockRuns,
  LockStore,
  MissedTick,
  OwnerReply,
  OwnerRequest,
  QueueGrant,
  ReleaseRequest,
  RenewRequest,
  RunOutcome,
  RunRecord,
  StoredLock,
  TickClaim,
} from '../stores/lock-store.js';
export type { StoreToOpen } from '../stores/store-to-open.js';
