import type { LossReason } from '../errors.js';
import { iso, reason } from './wording.js';

/** About one lock: how it is acquired, kept, lost and released. */
export const leaseMessages = {
  busy: (name: string, holder: string | undefined) =>
    `The lock "${name}" is busy: ${holder ?? 'another program'} holds it.`,
  timedOut: (name: string, ms: number, holder: string | undefined, cause: unknown) =>
    `The lock "${name}" could not be acquired within ${ms} ms: ` +
    `${cause === undefined ? `${holder ?? 'another program'} holds it` : reason(cause)}.`,
  skipped: (name: string, { reason: why, holder }: { reason: string; holder?: { replica?: string } }) =>
    `"${name}" is skipped: ${why}${holder?.replica ? ` (held by ${holder.replica})` : ''}.`,
  joinedOccurrence: (name: string) =>
    `occurrence cannot be claimed inside work that holds "${name}" already. Claim it where the lock is acquired.`,
  markFromFuture: (name: string, run: string, mark: number, store: number | undefined) =>
    `The lock "${name}" remembers a run at ${iso(mark)}, but the store's clock says ` +
    `${store === undefined ? 'less' : iso(store)}: that clock was set back. The mark was ignored, and ` +
    `the lock was granted for ${run}.`,
  answeredTooLate: (name: string, ms: number, ttl: number) =>
    `The lock "${name}" was granted, but the answer took ${Math.round(ms)} ms of its ${ttl} ms; it was released.`,
  alreadyAcquired: (key: string) =>
    `acquire() was called for the lock "${key}", which is held already. It stays held; call release() first.`,
  streamOver: () =>
    'The lock of this stream was released because its readers had left, or because no reader came. Call the method again.',

  lost: (name: string, why: Exclude<LossReason, 'max-hold'>, times: LossTimes) =>
    `The lease on "${name}" is lost: ${LOSS_REASONS[why](times)}.`,
  heldTooLong: (name: string, maxHold: number) =>
    `The lease on "${name}" is lost: it was held for maxHold (${maxHold} ms) and is not renewed any more. Raise maxHold ` +
    'if the work needs longer; otherwise end the work when its signal aborts.',
  notRenewed: (name: string) =>
    `The lease on "${name}" could not be renewed. The renewal is repeated until the lease ends.`,

  couldNotRelease: (name: string, cause: unknown) =>
    `The lock "${name}" could not be released: ${reason(cause)}. It expires by itself.`,
  releaseRefused: (name: string, cause: unknown, records: boolean) =>
    `The lock "${name}" cannot be released: ${reason(cause)}. ${
      records
        ? 'It is renewed until the success of its work can be recorded, so that no replica does the same work again.'
        : 'It expires by itself.'
    } Grant the user of the store the missing permissions, or remove the key that is in the way. Further refusals are ` +
    'not logged until a release succeeds.',
  forced: (name: string, fencingToken: number) =>
    `The lock "${name}" was taken from its holder by force (fencing token ${fencingToken}).`,

  unheardError: (key: string, error: unknown) =>
    `The lock "${key}" emitted an error event, for which it has no listener: ${reason(error)}.`,
  listenerThrew: (event: string, key: string, error: unknown) =>
    `A listener for the event ${event} of the lock "${key}" threw: ${reason(error)}.`,
  subscriberThrew: (error: unknown) => `A subscriber of events$ threw: ${reason(error)}.`,
  eventListenerThrew: (error: unknown) => `A listener of onEvent threw: ${reason(error)}.`,
} as const;

/** The times that explain a loss, in milliseconds. */
export interface LossTimes {
  readonly ttl: number;
  /** How long the event loop was blocked. */
  readonly stalledFor: number;
}

/** Why a lease was lost, and what to do. */
const LOSS_REASONS: Record<Exclude<LossReason, 'max-hold'>, (times: LossTimes) => string> = {
  expired: ({ ttl, stalledFor }) =>
    stalledFor < 1
      ? `its time ran out before it could be renewed. Raise ttl (${ttl} ms)`
      : `its time ran out while the event loop was blocked, or the process stood still, for ${Math.round(stalledFor)} ms. ` +
        `Move the work that blocks to a worker thread, or raise ttl (${ttl} ms) well above that`,
  taken: () =>
    'another owner holds the lock now. It was taken by force, or the store had lost it: see the log of the new holder, and ' +
    'check whether the store evicts or loses data',
  vanished: () =>
    'the lock is gone from the store. It was deleted or evicted, or the store lost its data: set maxmemory-policy ' +
    'noeviction, and have the store keep its data over a restart',
  'store-unavailable': ({ ttl }) =>
    `its time ran out while the store could not be reached. Raise ttl (${ttl} ms) to outlast such an outage`,
  released: () => 'it was released',
};
