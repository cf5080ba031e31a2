import type { LockLostError, LockStoreError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import type { JobPause } from '../stores/lock-store.js';

/**
 * How a call of `run` ended, unless the work itself threw:
 * - `ran`: the work ran under the lock from beginning to end;
 * - `lost`: the work ran to its end and has a value, but the lock was lost before that; `error` says why;
 * - `skipped`: the work did not run; `reason` says why.
 */
export type Outcome<T> = Ran<T> | Lost<T> | Skipped;

/** The work ran under the lock from beginning to end. */
export interface Ran<T> {
  readonly status: 'ran';
  readonly value: T;
}

/** The work ran to its end, but the lock was lost before that. */
export interface Lost<T> {
  readonly status: 'lost';
  readonly value: T;
  readonly error: LockLostError;
}

/**
 * Why work was skipped:
 * - `busy`: somebody, `holder`, holds the lock now;
 * - `done`: this occurrence has run already, or must not run yet;
 * - `paused`: an operator has paused the job; `pause` says who, why and until when;
 * - `early`: this replica's clock is more than a minute ahead of the store's;
 * - `store-unavailable`: the store could not be reached; `error` says why;
 * - `shutting-down`: the application shuts down.
 */
export type Skipped =
  | {
      readonly status: 'skipped';
      readonly reason: 'busy';
      readonly holder: Holder;
      /** Milliseconds until the lock expires unless it is renewed; Infinity if another program took it without expiry. */
      readonly remaining: number;
    }
  | { readonly status: 'skipped'; readonly reason: 'done' | 'early' }
  | { readonly status: 'skipped'; readonly reason: 'paused'; readonly pause: Paused }
  | {
      readonly status: 'skipped';
      readonly reason: 'shutting-down';
      /** Why the store could not be reached, if it was away until the shutdown. */
      readonly error?: LockStoreError | undefined;
    }
  | { readonly status: 'skipped'; readonly reason: 'store-unavailable'; readonly error: LockStoreError };

/** A pause of a job, during which its runs are skipped. */
export interface Paused {
  readonly reason: string;
  /** Who paused the job, why and until when. */
  readonly by: string;
  readonly since: Date;
  /** When the pause ends by itself; undefined: it lasts until the job is resumed. */
  readonly until: Date | undefined;
}

/** Converts a pause from its form in the store. */
export function pausedBy({ reason, by, since, until }: JobPause): Paused {
  return { reason, by, since: new Date(since), until: until === undefined ? undefined : new Date(until) };
}
