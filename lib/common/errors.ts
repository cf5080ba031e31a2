import type { Holder } from './holder.js';

/** What went wrong, in a form that survives two copies of the package in one process: compare `code`, not the class. */
export type LockErrorCode =
  | 'LOCK_CONFIGURATION'
  | 'LOCK_STORE'
  | 'LOCK_LOST'
  | 'LOCK_BUSY'
  | 'LOCK_TIMEOUT'
  | 'LOCK_SHUTTING_DOWN'
  | 'LOCK_SERVICE_MISSING';

/** The base of every error that this package throws. */
export abstract class LockError extends Error {
  /** A stable name of the kind of error, for code to compare. */
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

/** The store did not answer in time, is unreachable, or refused a command. Its own error is the `cause`. */
export class LockStoreError extends LockError {
  readonly code = 'LOCK_STORE';

  /** Whether the command may have been carried out all the same: its reply is late or was lost. */
  readonly mayHaveRun: boolean;

  /** Whether the store has answered, and does not want to carry it out: it is no use to ask again. */
  readonly refused: boolean;

  /**
   * Whether it is refused until somebody puts something right, such as the permissions of a user. Other refusals pass: a
   * server has memory again, or can save its data.
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
 * - `expired`: its time ran out without a renewal, for instance because the process stood still;
 * - `taken`: somebody else holds the lock now;
 * - `vanished`: the lock is gone from the store (deleted, flushed, evicted, or the store lost its data);
 * - `store-unavailable`: its time ran out while the store could not be reached;
 * - `max-hold`: it was held for as long as the option `maxHold` allows;
 * - `released`: it was given back with `release()`.
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

/** Somebody else holds the lock, and `whenBusy: 'throw'` says that this is an error. */
export class LockBusyError extends LockError {
  readonly code = 'LOCK_BUSY';

  constructor(
    message: string,
    /** Who holds it. */
    readonly holder: Holder,
  ) {
    super(message);
  }
}

/** The lock could not be acquired within the time that was allowed for it. */
export class LockTimeoutError extends LockError {
  readonly code = 'LOCK_TIMEOUT';

  /** Who was seen holding it last. Where the store could not be asked when the time was over, that is the `cause`. */
  readonly holder: Holder | undefined;

  constructor(message: string, options: { holder?: Holder | undefined; cause?: unknown }) {
    super(message, options);
    this.holder = options.holder;
  }
}

/** A lock was asked for after the application had begun to shut down, or work still ran after `drainTimeout`. */
export class LockShuttingDownError extends LockError {
  readonly code = 'LOCK_SHUTTING_DOWN';
}

/** A decorated method was called on an object that has no `ExclusiveLockService`: Nest did not construct it. */
export class LockServiceMissingError extends LockError {
  readonly code = 'LOCK_SERVICE_MISSING';
}
