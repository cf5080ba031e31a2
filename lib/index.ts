export { ExclusiveLockModule } from './exclusive-lock.module.js';
export { ExclusiveLockService } from './exclusive-lock.service.js';
export { Exclusive, type ExclusiveDecorator } from './decorators/exclusive.decorator.js';
export {
  LeaderElection,
  type LeaderElectionDecorator,
  type LeaderElectionOptions,
  type OnLeadershipAcquired,
  type OnLeadershipLost,
} from './decorators/leader-election.decorator.js';
export type { ExclusiveMethodDecorator } from './decorators/method-types.js';
export { ExclusiveLockExceptionFilter } from './http/exclusive-lock-exception.filter.js';
export type { ExclusiveOptions, PolicyOptions } from './decorators/exclusive-options.js';
export type { ExclusiveLockModuleOptions, ExclusiveLockSettings } from './exclusive-lock.options.js';
export type { ObservableElection } from './observable-election.js';
export type { MissedOptions, OccurrenceOptions } from './schedule/occurrence-options.js';
export { LockServiceMissingError } from './common/errors.js';
// Applications can use everything that scripts can use.
export * from './locks/index.js';
