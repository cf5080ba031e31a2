import type { Clock } from '../common/clock.js';
import type { Claim, EndOfRun, JobPause, KeyClaim, LockRuns, TickClaim } from './lock-runs.js';

export type * from './lock-runs.js';

/**
 * The contract of a store of locks. `storeContract()` of `nestjs-exclusive-lock/testing` tests it: a store is complete
 * when it passes. docs/stores.md shows a complete store.
 *
 * Five methods are enough. A store that can do more has the capabilities `queue`, `runs` and `admin`. It has each of
 * them completely or not at all.
 *
 * Every call settles within the milliseconds given as `within`, or rejects with a `LockStoreError` whose `mayHaveRun` is
 * true unless the command certainly did nothing.
 */
export interface LockStore {
  /** Where the locks live, for log lines and errors. Must not contain a secret. */
  readonly description: string;

  /**
   * The shortest TTL that the store supports, in milliseconds. Shorter `ttl` options are refused. Absent: any TTL.
   */
  readonly shortestTtl?: number | undefined;

  /** The clock for leases, if it is not the machine's. Only stores for tests have one. */
  readonly clock?: Clock | undefined;

  /**
   * Decides one acquisition in one atomic step; see {@link AcquireReply} for the order of the rules.
   *
   * All requests of an acquisition have the same owner, and there may be any number of them: an owner that already
   * holds the lock is granted it again. An acquisition ends with a final refusal or with `release`. If a request has
   * failed, or its reply says `unsettled`, the store may still grant the lock to its owner later, until `release` says
   * that it is `void`.
   */
  acquire(request: AcquireRequest, within: number): Promise<AcquireReply>;

  /**
   * Renews each lease to its full TTL, counted from now, if its owner still holds the lock. Returns the replies in the
   * order of the requests; undefined for a request that failed while others succeeded.
   */
  renew(requests: readonly RenewRequest[], within: number): Promise<readonly (OwnerReply | undefined)[]>;

  /**
   * Ends an acquisition. In one step, it frees the lock if its owner holds it, hands it to the first waiter, removes
   * the owner from the queue, and records what became of the claim. Nothing is granted to this owner afterwards, even
   * if a request that was sent earlier arrives only then.
   *
   * What became of the claim is recorded even if the lease has expired: a tick, unless another holder has begun it
   * since; a key, unless the lock has another holder now. A void claim can be claimed again if it was granted to this
   * owner.
   */
  release(request: ReleaseRequest, within: number): Promise<OwnerReply>;

  /** Returns the holder of the lock; null if the lock is free. */
  inspect(name: string, within: number): Promise<StoredLock | null>;

  /** Closes connections and files. The store is not used afterwards. */
  close(): Promise<void>;

  /** Present if the store queues waiters. Otherwise, waiters ask ten times a second and keep no order. */
  readonly queue?: LockQueue | undefined;

  /** Present if an operator can list locks and force their release. */
  readonly admin?: LockAdmin | undefined;

  /** Present if the store keeps a record of runs. Otherwise, past runs are unknown and missed ticks never run. */
  readonly runs?: LockRuns | undefined;

  /**
   * Present if the store notices when a lock is taken from its holder. It reports the lock at once, so the holder finds
   * out before its next renewal.
   */
  onTakenAway?(listener: (owner: OwnerRequest, how: 'taken' | 'vanished') => void): void;

  /**
   * Present if the store has a connection. It calls the listener when the server can be reached again. The server may
   * have forgotten locks, or be another one, so all leases are renewed at once.
   */
  onReconnected?(listener: () => void): void;
}

/** Notifies waiters. */
export interface LockQueue {
  /**
   * Calls `onNews` when a request for the lock may now succeed, until the returned function is called. If the store has
   * just handed the lock to a waiter, it passes the grant.
   */
  watch(name: string, onNews: (grant?: QueueGrant) => void): () => void;
}

/** For operators. */
export interface LockAdmin {
  /**
   * Iterates over all locks that are held and whose name begins with `prefix`, in no particular order. A lock that is
   * acquired or released meanwhile may be left out.
   */
  list(prefix: string, within: number): AsyncIterable<StoredLock & { readonly name: string }>;

  /** Frees the lock if it is still held under this fencing token; otherwise the reply is `taken` or `vanished`. */
  force(request: ForceRequest, within: number): Promise<OwnerReply>;
}

/** Identifies a lock and the acquisition that holds it or asks for it. */
export interface OwnerRequest {
  readonly name: string;
  /** Unique to the acquisition: 32 characters at most, of letters, digits, `-`, `_` and `.`. */
  readonly owner: string;
}

/** The same, with the time for which the lock is kept. */
export interface RenewRequest extends OwnerRequest {
  /** Milliseconds. */
  readonly ttl: number;
}

/** A request for a lock. */
export interface AcquireRequest extends RenewRequest {
  /** Describes the holder to callers that find the lock busy: a JSON object in one line, such as `{"replica":"web-1"}`. */
  readonly holder: string;
  /** Present if the lock is requested for an intended run. */
  readonly claim?: Claim | undefined;
  /**
   * Milliseconds since the caller began to wait. Present if the caller is to be queued when the lock is busy. The
   * waiter that has waited longest comes first.
   */
  readonly waited?: number | undefined;
}

/** Identifies a grant of a lock. */
export interface ForceRequest {
  readonly name: string;
  readonly fencingToken: number;
}

/** The end of an acquisition. */
export interface ReleaseRequest extends RenewRequest {
  /** The claim of the acquisition. */
  readonly claim?: Claim | undefined;
  /**
   * What became of the claim:
   * - `completed`: the run came to its end, which is recorded;
   * - `unfinished`: the run began, and nothing more is recorded;
   * - `void`: the run did not begin, and others can claim it.
   */
  readonly end: 'completed' | 'unfinished' | 'void';
  /** How the run ended, for its record. Absent if runs are not recorded. */
  readonly run?: EndOfRun | undefined;
}

/**
 * The decision, by the store's clock. The first rule that applies decides:
 * 1. This owner already holds the lock, and its claim is marked as its own (its first reply was lost): granted, with the
 *    same fencing token.
 * 2. The job is paused: paused. The claim is a tick more than 25 ms later than now: early. It is the first tick of the
 *    job, and the replica's clock is behind: behind.
 * 3. The claim is done and was not granted to this owner: done. A mark from the future decides nothing, because no tick is
 *    granted more than 25 ms early: the store's clock was set back since.
 *    A claim for a missed tick is also done if the store knows no earlier tick of the job, or if `next` is as close. If the
 *    only reason is that the tick is older than `within`, the tick is recorded as missed and counts as granted from then
 *    on, and this one reply says so.
 * 4. Another owner holds the lock: busy. The caller is queued if it asks for that.
 * 5. Other waiters are queued before it: busy. The first of them that is alive has the lock from now on.
 * 6. Otherwise: granted. A tick or the start of a gap is marked in the same step. The fencing token is higher than all
 *    earlier ones; a waiter that was handed the lock keeps the token of that grant.
 *
 * Rules 2 and 3 do not apply to a run by hand, which is not marked either.
 *
 * A tick that is due during a pause counts as granted if the store knows the job, so it is not missed.
 * After a reply of paused, early, behind or done, the caller neither holds the lock nor is queued.
 *
 * If a reply makes a tick count as granted, it tells this caller, and no other, about the ticks before it; see
 * `idleSince`.
 */
export type AcquireReply = (
  | {
      readonly status: 'granted';
      readonly fencingToken: number;
      /** The time of a mark from the future that the grant has overwritten, in milliseconds since the epoch. */
      readonly futureMark?: number | undefined;
    }
  | {
      readonly status: 'early';
      /** Milliseconds until the tick is due, by the store's clock. */
      readonly by: number;
    }
  | { readonly status: 'behind' }
  | {
      readonly status: 'done';
      /** The application whose claim made it done; undefined if that has no name. */
      readonly application?: string | undefined;
      /** How often the tick was granted without being completed. Present in one reply, when the tick is given up. */
      readonly attempts?: number | undefined;
      /** True in one reply, when it is too late for a tick that no replica ran. */
      readonly isMissed?: boolean | undefined;
    }
  | { readonly status: 'paused'; readonly pause: JobPause }
  | ({
      readonly status: 'busy';
      /** Whether the caller is queued and `watch` will notify it. */
      readonly queued?: boolean | undefined;
      /**
       * The last fencing token of the lock. A grant with a higher one came after this reply. Present if `watch` reports
       * grants.
       */
      readonly lastToken?: number | undefined;
    } & HeldBy)
) & {
  /**
   * An earlier copy of the request may still arrive and be granted, although this one is refused. A caller that does
   * not ask again must call `release`.
   */
  readonly unsettled?: boolean | undefined;
  /** The store's time at the decision, in milliseconds since the epoch. Required if there is a claim. */
  readonly now?: number | undefined;
  /**
   * No tick of the job was granted between this moment and the tick of the claim; this caller reports that. It is the
   * time of the last tick that counted as granted before, or the end of its run if that is recorded and later, in
   * milliseconds since the epoch. Present if the claim is a tick with a history that counts as granted from now on, and
   * if an earlier tick is known. A repeated request of the same owner gets it again. If the owner releases its grant as
   * void, the next owner gets it instead.
   */
  readonly idleSince?: number | undefined;
};

/** The lock was handed to a waiter, for a limited time. */
export interface QueueGrant {
  readonly owner: string;
  readonly fencingToken: number;
  /** Milliseconds for which the lock is kept. */
  readonly keptFor: number;
}

/** The holder of a lock. */
export interface HeldBy {
  /** Undefined if another program took the lock. */
  readonly owner: string | undefined;
  /** The `holder` of its request, or the text that another program wrote. */
  readonly holder: string;
  /** Milliseconds until the lock expires; Infinity if another program took it without an expiry. */
  readonly remaining: number;
}

/** `held`: this owner held the lock. `taken`: another owner holds it. `vanished`: nobody holds it. */
export type OwnerReply = 'held' | 'taken' | 'vanished';

/** The state of a lock that is held. */
export interface StoredLock extends HeldBy {
  /** The fencing token of this grant; undefined if another program took the lock. */
  readonly fencingToken: number | undefined;
  /** How many waiters are queued, at most one for each replica; undefined if the store keeps no queue. */
  readonly waiters?: number | undefined;
}

/** A tick may be this many milliseconds ahead of the store's clock and still count as due. */
export const EARLY_TOLERANCE = 25;

/** Milliseconds by which a replica's clock, or its request, may be late before the reply is `behind`. */
export const BEHIND_TOLERANCE = 500;

/** Milliseconds for which a lock is kept for the waiter that it was handed to, unless the waiter renews it. */
export const GRANT_TIMEOUT = 5000;

/** Milliseconds for which a waiter stays queued unless it asks again. */
export const WAITER_RETENTION = 15_000;

/** Milliseconds for which requests of a void owner are refused: an earlier request may take that long to arrive. */
export const VOID_RETENTION = 15 * 60 * 1000;

/** How often a tick with `rerun` is granted at most, if the claim does not say. */
export const MAX_ATTEMPTS = 3;

const DAY = 24 * 60 * 60 * 1000;
/** Milliseconds for which a store remembers the fencing token of a lock after its last grant. */
export const TOKEN_RETENTION = DAY;
/**
 * Milliseconds for which ticks are remembered: a replica that was suspended may resume and ask for an old one. The
 * record of a job is kept for the same time after its last run.
 */
export const TICK_RETENTION = 35 * DAY;

/** Milliseconds for which the mark of a claim is kept. A whole number, because Redis counts whole milliseconds. */
export function retentionFor(claim: Claim): number {
  switch (claim.kind) {
    case 'tick':
      return TICK_RETENTION;
    case 'gap':
      return Math.max(DAY, Math.ceil(claim.gap));
    case 'key':
      return Math.ceil(claim.remember);
  }
}

/** Whether the store records the completion of the claim. Other claims are marked when they are granted. */
export function recordsCompletion(claim: Claim | undefined): claim is KeyClaim | TickClaim {
  if (claim?.byHand) return false;
  return claim?.kind === 'key' || (claim?.kind === 'tick' && claim.rerun);
}
