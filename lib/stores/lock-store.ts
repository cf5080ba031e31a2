import type { Clock } from '../common/clock.js';
import type { Claim, EndOfRun, JobPause, KeyClaim, LockRuns, TickClaim } from './lock-runs.js';

export type * from './lock-runs.js';

/**
 * What a store of locks must do. `storeContract()` of `nestjs-exclusive-lock/testing` is the other half of this
 * contract: a store is done when it passes. docs/stores.md shows a whole one.
 *
 * Five methods are enough. A store that can do more has the capabilities `queue`, `runs` and `admin`, each as a
 * whole.
 *
 * Every call settles within the milliseconds given as `within`, or rejects with a `LockStoreError` whose `mayHaveRun` is
 * true unless the command certainly did nothing.
 */
export interface LockStore {
  /** Where the locks live, for log lines and errors. Never holds a secret. */
  readonly description: string;

  /**
   * The shortest TTL, in milliseconds, after which the store frees the lock of a process that has died. Options with a
   * shorter one are refused. Without it, any TTL will do.
   */
  readonly shortestTtl?: number | undefined;

  /** The clock that judges leases, if it is not the machine's. Only stores for tests have one. */
  readonly clock?: Clock | undefined;

  /**
   * Decides one acquisition in one atomic step; see {@link AcquireReply} for the order of the rules.
   *
   * An acquisition keeps its owner for as long as it lasts, and may ask as often as it likes: an owner that holds the lock
   * is granted it again. It ends with a refusal that is final, or with `release`. If a request has failed, or its reply
   * says `unsettled`, the lock may still be granted to its owner later, until `release` says that it is `void`.
   */
  acquire(request: AcquireRequest, within: number): Promise<AcquireReply>;

  /**
   * Gives each lease its full TTL again, from now, if its owner still holds the lock. Replies in the order of the requests;
   * undefined for those that got no answer while others did.
   */
  renew(requests: readonly RenewRequest[], within: number): Promise<readonly (OwnerReply | undefined)[]>;

  /**
   * Ends an acquisition: frees the lock if its owner holds it, takes the owner out of the queue, and records in the same
   * step what became of the claim. The lock goes to the first in the queue at once. Nothing is granted to this owner
   * afterwards, also if a request that was sent before arrives only then.
   *
   * What became of the claim is recorded even if the lease has expired: a tick unless another holder has begun it since,
   * a key unless the lock has another holder now; and what is void can be claimed again, if it was granted to this owner.
   */
  release(request: ReleaseRequest, within: number): Promise<OwnerReply>;

  /** The holder of the lock; null if the lock is free. */
  inspect(name: string, within: number): Promise<StoredLock | null>;

  /** Ends connections and files. The store is not used afterwards. */
  close(): Promise<void>;

  /** Stores that keep a queue of waiters. Without it, waiters ask ten times a second, in no order. */
  readonly queue?: LockQueue | undefined;

  /** Stores that can be looked into and corrected by an operator. */
  readonly admin?: LockAdmin | undefined;

  /** Stores that keep a record of runs. Without it nothing is known of past runs, and no tick is caught up. */
  readonly runs?: LockRuns | undefined;

  /**
   * Stores that notice it report each lock that was taken from its holder, whose lease need not wait for its next renewal
   * then.
   */
  onTakenAway?(listener: (owner: OwnerRequest, how: 'taken' | 'vanished') => void): void;

  /**
   * Stores with a connection call the listener whenever the server was out of reach and is there again. It may have
   * forgotten locks, or be another server, so all leases are renewed at once.
   */
  onReconnected?(listener: () => void): void;
}

/** Notifies waiters. */
export interface LockQueue {
  /**
   * Calls `onNews` whenever it may be worth asking for the lock again, until the returned function is called; with the
   * grant if the store has just given the lock to a waiter.
   */
  watch(name: string, onNews: (grant?: QueueGrant) => void): () => void;
}

/** For operators. */
export interface LockAdmin {
  /**
   * All locks that are held and whose name begins with `prefix`, in no order. A lock that is taken or freed meanwhile may
   * be missing.
   */
  list(prefix: string, within: number): AsyncIterable<StoredLock & { readonly name: string }>;

  /** Frees the lock, whoever holds it, if it is still the grant with this fencing token; `taken` if it is not. */
  force(request: ForceRequest, within: number): Promise<OwnerReply>;
}

/** Names one lock and the acquisition that holds it or wants it. */
export interface OwnerRequest {
  readonly name: string;
  /** Unique to the acquisition: 32 characters at most, of letters, digits, `-`, `_` and `.`. */
  readonly owner: string;
}

/** The same with the time for which the lock is kept. */
export interface RenewRequest extends OwnerRequest {
  /** Milliseconds. */
  readonly ttl: number;
}

/** What is to be decided about one lock. */
export interface AcquireRequest extends RenewRequest {
  /** Describes the holder to callers that find the lock busy: a JSON object in one line, such as `{"replica":"web-1"}`. */
  readonly holder: string;
  /** Present if the lock is wanted for one intended run only. */
  readonly claim?: Claim | undefined;
  /**
   * Milliseconds since the caller began to wait. Present if it wants to be queued when the lock is busy: the waiter that
   * has waited longest comes first.
   */
  readonly waited?: number | undefined;
}

/** Names one grant of a lock. */
export interface ForceRequest {
  readonly name: string;
  readonly fencingToken: number;
}

/** The end of an acquisition. */
export interface ReleaseRequest extends RenewRequest {
  /** What the lock was acquired for. */
  readonly claim?: Claim | undefined;
  /**
   * What became of it:
   * - `completed`: it was run to its end, which is recorded;
   * - `unfinished`: it was begun, and nothing more is recorded;
   * - `void`: it was not begun, and can be claimed again.
   */
  readonly end: 'completed' | 'unfinished' | 'void';
  /** How the run ended, for its record. Absent: it is not recorded, as for a claim without a history. */
  readonly run?: EndOfRun | undefined;
}

/**
 * The decision, by the store's clock; the first rule that applies, from the top:
 * 1. this owner holds the lock already, and the mark of what it claims is its own (its first reply was lost): granted,
 *    with the fencing token that it has
 * 2. the job is paused: paused; or the claim is a tick more than 25 ms later than now: early; or a first tick, asked for
 *    by a clock that is behind: behind
 * 3. the claim is done, as it says itself, and was not granted to this owner: done. A mark from the future decides
 *    nothing: no tick is granted more than 25 ms early, so the store's clock was set back since.
 *    A tick that was missed is also done if the store knows no earlier one of the job, or if its `next` is as near. If it is
 *    done only since it is older than `within`, it is recorded as missed and counts as granted from then on, which one reply
 *    says
 * 4. somebody else holds the lock: busy, and the caller is queued if it wants to be
 * 5. others are queued before it: the first of them that is alive has the lock from now on, and it is busy
 * 6. granted; a tick or the start of a gap is marked in the same step, and the fencing token is higher than any before. A
 *    waiter that was given the lock from the queue keeps that fencing token
 *
 * Rules 2 and 3 do not apply to a run that is wanted by hand, which is not marked either.
 *
 * A tick that comes due during a pause counts as granted if the store knows the job: nobody has missed it.
 * A caller that is told paused, early, behind or done neither holds the lock nor is queued afterwards.
 *
 * A reply after which a later tick counts as granted tells the caller, and no other, about the ticks before it, as `idleSince`.
 */
export type AcquireReply = (
  | {
      readonly status: 'granted';
      readonly fencingToken: number;
      /** The time of a mark from the future that the grant has overwritten, milliseconds since the epoch. */
      readonly futureMark?: number | undefined;
    }
  | {
      readonly status: 'early';
      /** Milliseconds until the tick, by the store's clock. */
      readonly by: number;
    }
  | { readonly status: 'behind' }
  | {
      readonly status: 'done';
      /** The application that made the claim which has been run; undefined if it had no name. */
      readonly application?: string | undefined;
      /** Present once, when the tick is given up: how often it was granted without being completed. */
      readonly attempts?: number | undefined;
      /** Present once, when it is too late for a tick that nobody has run. */
      readonly isMissed?: boolean | undefined;
    }
  | { readonly status: 'paused'; readonly pause: JobPause }
  | ({
      readonly status: 'busy';
      /** Whether the caller is queued, and `watch` will notify it. */
      readonly queued?: boolean | undefined;
      /**
       * The last fencing token of the lock: a grant with a higher one came after this reply. Known if `watch` reports
       * grants.
       */
      readonly lastToken?: number | undefined;
    } & HeldBy)
) & {
  /**
   * An earlier copy of a request that is refused may still arrive, and be granted: if the caller does not ask again, it
   * must call `release`.
   */
  readonly unsettled?: boolean | undefined;
  /** The store's clock at the decision, milliseconds since the epoch; needed if there is a claim. */
  readonly now?: number | undefined;
  /**
   * Present if the claim is a tick with a history that counts as granted from now on, and an earlier tick of the job is
   * known: the time of the last one that counted as granted before, or of the end of its run if that is recorded and later;
   * milliseconds since the epoch. The ticks between that moment and this tick were granted to nobody, and this caller
   * tells that. The same owner is told again; if it then says that its grant is void, the next one is told instead.
   */
  readonly idleSince?: number | undefined;
};

/** The lock was given to a waiter, for a time. */
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
  /** The holder as it was given to the store, or the text that another program wrote. */
  readonly holder: string;
  /** Milliseconds until the lock expires; Infinity if another program took it without an expiry. */
  readonly remaining: number;
}

/** `held`: it was this owner's. `taken`: it is somebody else's. `vanished`: nobody holds it. */
export type OwnerReply = 'held' | 'taken' | 'vanished';

/** What a store knows of a lock that is held. */
export interface StoredLock extends HeldBy {
  /** The fencing token of this grant; undefined if another program took the lock. */
  readonly fencingToken: number | undefined;
  /** How many are queued, of each replica one at most; undefined if the store keeps no queue. */
  readonly waiters?: number | undefined;
}

/** A tick may be this many milliseconds ahead of the store's clock and still count as due. */
export const EARLY_TOLERANCE = 25;

/** Milliseconds by which a replica's clock, or the way from it to the store, may be late before the reply is `behind`. */
export const BEHIND_TOLERANCE = 500;

/** How long a lock is kept for the waiter that it was given to, unless that asks for it, in milliseconds. */
export const GRANT_TIMEOUT = 5000;

/** How long a waiter stays queued unless it asks again, in milliseconds. */
export const WAITER_RETENTION = 15_000;

/** How long a request that was sent before its `release` may take to arrive, and is refused, in milliseconds. */
export const VOID_RETENTION = 15 * 60 * 1000;

/** How often a tick that is granted again is granted at most, if the claim does not say. */
export const MAX_ATTEMPTS = 3;

const DAY = 24 * 60 * 60 * 1000;
/** How long a store remembers the fencing token of a lock after its last grant, in milliseconds. */
export const TOKEN_RETENTION = DAY;
/**
 * How long ticks are remembered, in milliseconds: a replica that was suspended may wake and ask for one of long ago. The
 * record of a job is kept as long after its last run.
 */
export const TICK_RETENTION = 35 * DAY;

/** How long the mark of what was claimed is kept, in milliseconds. Whole, since Redis counts whole milliseconds. */
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

/** Whether a store records that the claim was completed: for the others it is mark enough that they were granted. */
export function recordsCompletion(claim: Claim | undefined): claim is KeyClaim | TickClaim {
  if (claim?.byHand) return false;
  return claim?.kind === 'key' || (claim?.kind === 'tick' && claim.rerun);
}
