import type { LockLogger } from '../common/logger.js';
import type { Claim } from '../stores/lock-store.js';
import type { LeaseTimes } from './lease-options.js';
import type { HeldLease } from './held-lease.js';

/** What one call wants. All durations are milliseconds. */
export interface Wanted extends LeaseTimes {
  readonly name: string;
  readonly contents: unknown;
  readonly claim: Claim | undefined;
  /** A tick, or a call by a scheduler or Nest. A shutdown refuses these first, and waits for them first. */
  readonly scheduled: boolean;
  /** The first tick after a moment; see `TickOccurrence`. */
  readonly following?: ((moment: Date) => Date | undefined) | undefined;
  /** 0: does not wait for others. */
  readonly wait: number;
  /** How long a call that does not wait asks a store that is away; undefined: once. */
  readonly retryFor?: number | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
  /** Logs what happens to it instead of the common logger. */
  readonly logger?: LockLogger | undefined;
}

export interface Acquired {
  readonly status: 'acquired';
  readonly lease: HeldLease;
  /** The store's clock at the grant; known if there is a claim. */
  readonly now: number | undefined;
}
