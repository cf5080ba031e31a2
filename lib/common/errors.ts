import type { Holder } from './holder.js';

/** The kinds of errors. Compare the `code`, not the class: a process may contain two copies of the package. */
export type LockErrorCode =
  | 'LOCK_CONFIGURATION'
  | 'LOCK_STORE'
  | 'LOCK_LOST'
  | 'LOCK_BUSY'
  | 'LOCK_TIMEOUT'
  | 'LOCK_SHUTTING_DOWN'
  | 'LOCK_SERVICE_MISSING';

/** The base class of all errors that this package throws. */
export abstract class LockError extends Error {
  /** The kind of error, for code to compare. */
  abstract readonly code: LockErrorCode;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An option or a name is not valid. The message names the option, its value and the remedy. */
export class LockConfigurationError extends LockError {
  readonly code = 'LOCK_CONFIGURATION';
}

/** The store did not answer in time, could not be reached, or refused a command. Its own error is the `cause`. */
export class LockStoreError extends LockError {
  readonly code = 'LOCK_STORE';

  /** Whether the command may have run all the same: its reply was late or lost. */
  readonly mayHaveRun: boolean;

  /** Whether the store answered that it will not carry out the command: it is of no use to ask again at once. */
  readonly refused: boolean;

  /**
   * Whether the store refuses until an operator fixes something, such as the permissions of a user. Other refusals end
   * by themselves, for example when a server has memory again.
   */
  readonly permanent: boolean;

  constructor(
    message: string,
    options: { cause?: unknown; mayHaveRun: boolean; refused?: boolean; permanent?: boolean },
  ) {
    super(message, options);
    this.mayHaveRun = options.mayHaveRun;
    this.refused = options.refused ?? false;
    this.permanent = options.permanent ?? false;
  }
}

/**
 * Why a lease is no longer held:
 * - `expired`: its time ran out without a renewal, for instance because the process was paused;
 * - `taken`: another owner holds the lock now;
 * - `vanished`: the lock is gone from the store (deleted, flushed, evicted, or the store lost its data);
 * - `store-unavailable`: its time ran out while the store could not be reached;
 * - `max-hold`: it was held for as long as the option `maxHold` allows;
 * - `released`: the holder called `release()`.
 */
export type LossReason = 'expired' | 'taken' | 'vanished' | 'store-unavailable' | 'max-hold' | 'released';

/** The lease is no longer held; `reason` says why. */
export class LockLostError extends LockError {
  readonly code = 'LOCK_LOST';

  constructor(
    message: string,
    /** Why the lease is no longer held. */
    readonly reason: LossReason,
  ) {
    super(message);
  }
}

/** Another owner holds the lock, and `whenBusy: 'throw'` makes this an error. */
export class LockBusyError extends LockError {
  readonly code = 'LOCK_BUSY';

  constructor(
    message: string,
    /** The holder of the lock. */
    readonly holder: Holder,
  ) {
    super(message);
  }
}

/** The lock could not be acquired within the time limit. */
export class LockTimeoutError extends LockError {
  readonly code = 'LOCK_TIMEOUT';

  /** The last known holder. If the store could not be reached when the time was over, its error is the `cause`. */
  readonly holder: Holder | undefined;

  constructor(message: string, options: { holder?: Holder | undefined; cause?: unknown }) {
    super(message, options);
    this.holder = options.holder;
  }
}

/** A lock was requested after the application had begun to shut down, or work still ran after `drainTimeout`. */
export class LockShuttingDownError extends LockError {
  readonly code = 'LOCK_SHUTTING_DOWN';
}

/** A decorated method was called on an object without an `ExclusiveLockService`: Nest did not construct it. */
export class LockServiceMissingError extends LockError {
  readonly code = 'LOCK_SERVICE_MISSING';
}
