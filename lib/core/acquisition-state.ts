import type { LockStoreError } from '../common/errors.js';
import type { AcquireReply } from '../stores/lock-store.js';
import type { HeldLease } from './held-lease.js';
import { pausedBy, type Skipped } from './outcome.js';
import type { Queued } from './queue-watch.js';

/** The state of an acquisition. */
export type State =
  /** A request is under way, or the next one may be sent. */
  | { readonly is: 'asking' }
  /** The next request is sent after `ms`, or at news of the queue. */
  | { readonly is: 'waiting'; readonly ms: number; readonly queued?: Queued | undefined }
  | { readonly is: 'granted'; readonly lease: HeldLease; readonly reply: GrantDetails }
  | RefusedState;

/** The final state without the lock. */
export interface RefusedState {
  readonly is: 'refused';
  readonly outcome: Skipped;
}

/** The parts of a granted reply that are reported with the lease. A grant from the queue has none of them. */
export type GrantDetails = Pick<AcquireReply, 'now' | 'idleSince'>;

export const ASKING: State = { is: 'asking' };

/** The final state for a reply that refuses the claim. */
export function refusedAs(
  reply: Extract<AcquireReply, { status: 'early' | 'done' | 'paused' }>,
): RefusedState {
  return reply.status === 'paused'
    ? refused({ status: 'skipped', reason: 'paused', pause: pausedBy(reply.pause) })
    : refused({ status: 'skipped', reason: reply.status });
}

/** The final state at a shutdown. `error`: why the store could not be reached, if the run has waited for the store. */
export function refusedAtShutdown(error: LockStoreError | undefined): RefusedState {
  return refused({ status: 'skipped', reason: 'shutting-down', ...(error && { error }) });
}

export function refused(outcome: Skipped): RefusedState {
  return { is: 'refused', outcome };
}
