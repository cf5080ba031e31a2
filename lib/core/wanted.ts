import type { LockLogger } from '../common/logger.js';
import type { Claim } from '../stores/lock-store.js';
import type { LeaseTimes } from './lease-options.js';
import type { HeldLease } from './held-lease.js';

/** The checked options of one call. All durations are milliseconds. */
export interface Wanted extends LeaseTimes {
  readonly name: string;
  readonly contents: unknown;
  readonly claim: Claim | undefined;
  /** Whether it is for a tick, or a scheduler or Nest makes the call. A shutdown refuses such calls first. */
  readonly scheduled: boolean;
  /** Returns the first tick after a moment; see `TickOccurrence`. */
  readonly following?: ((moment: Date) => Date | undefined) | undefined;
  /** How long to wait for others; 0: not at all. */
  readonly wait: number;
  /** How long a call that does not wait keeps asking a store that is away; undefined: it asks once. */
  readonly retryFor?: number | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
  /** Used instead of the common logger. */
  readonly logger?: LockLogger | undefined;
}

export interface Acquired {
  readonly status: 'acquired';
  readonly lease: HeldLease;
  /** The store's clock at the grant; known if there is a claim. */
  readonly now: number | undefined;
}
