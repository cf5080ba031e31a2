import { refuse, type KnownOptions } from '../common/check-options.js';
import { checkDuration, type Duration } from '../common/duration.js';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';

/** Options of a lease. */
export interface LeaseOptions {
  /**
   * The time after which the lock is free again if its holder dies. A living holder renews it, however long the work
   * takes. At least 100 ms.
   *
   * @default the module's `ttl`
   */
  readonly ttl?: Duration | undefined;
  /**
   * The time between two renewals, at least 20 ms; `ttl` must be at least twice as much. In `@Exclusive`, which does not
   * know the module's `ttl`, only together with `ttl`.
   *
   * @default ttl / 3
   */
  readonly renewEvery?: Duration | undefined;
  /**
   * The time after which the lease is lost although its holder lives, at least 100 ms: renewal ends, the signal aborts,
   * and checks throw. So work that hangs keeps others out for a limited time only. The lock is free when the work
   * returns or the lease is released, or at the latest `ttl` after the loss. May be shorter than `ttl`.
   *
   * @default none: renewed for as long as the work takes
   */
  readonly maxHold?: Duration | undefined;
  /** Any JSON value to keep in the lock. Shown to callers that inspect the lock or find it busy. */
  readonly contents?: unknown;
}

export const LEASE_OPTIONS: KnownOptions<LeaseOptions> = {
  ttl: true,
  renewEvery: true,
  maxHold: true,
  contents: true,
};

/** The times of one lease, in milliseconds. */
export interface LeaseTimes {
  readonly ttl: number;
  readonly renewEvery: number;
  /** Undefined: no limit. */
  readonly maxHold?: number | undefined;
}

const SHORTEST_TTL = 100;
/** A smaller value was probably meant as seconds. */
const SHORTEST_HOLD = 100;
const SHORTEST_RENEWAL = 20;

/**
 * The times of one lease, from its options and the defaults.
 *
 * @throws LockConfigurationError
 */
export function resolveTimes(options: LeaseOptions, defaults: LeaseTimes): LeaseTimes {
  const { maxHold: hold } = options;
  const maxHold = hold === undefined ? undefined : checkDuration('maxHold', hold, SHORTEST_HOLD);
  if (options.ttl === undefined && options.renewEvery === undefined)
    return maxHold === undefined ? defaults : { ...defaults, maxHold };
  // Only undefined means the default. For null, the check below throws.
  const ttl = checkDuration('ttl', options.ttl === undefined ? defaults.ttl : options.ttl, SHORTEST_TTL);
  // Redis expires keys after whole milliseconds.
  if (!Number.isInteger(ttl)) refuse('ttl', 'a whole number of milliseconds', ttl);
  const renewEvery = options.renewEvery === undefined ? ttl / 3 : checkRenewEvery(options.renewEvery);
  if (ttl < 2 * renewEvery) throw new LockConfigurationError(messages.ttlTooShortForRenewal(ttl, renewEvery));
  return { ttl, renewEvery, maxHold };
}

/** @throws LockConfigurationError */
export function checkRenewEvery(renewEvery: unknown): number {
  return checkDuration('renewEvery', renewEvery, SHORTEST_RENEWAL);
}
