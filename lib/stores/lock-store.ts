import type { Clock } from '../common/clock.js';

/**
 * What a store of locks must do. The conformance suite in `test/integration` is the other half of this
 * contract; a new store is done when it passes.
 *
 * Every call settles within the milliseconds given as `within`, or rejects with a `LockStoreError` whose
 * `mayHaveRun` is true unless the command certainly did nothing.
 */
export interface LockStore {
  /** Where the locks live, for log lines and errors. Never holds a secret. */
  readonly description: string;

  /** Only of stores for tests: the clock by which leases on it are judged, where that is not the machine's. */
  readonly clock?: Clock | undefined;

  /** Decides one acquisition in one atomic step; see {@link AcquireReply} for the order of the rules. */
  acquire(request: AcquireRequest, within: number): Promise<AcquireReply>;

  /**
   * Gives each lease its full TTL again, from now, if it is still the holder. Replies in the order of the requests;
   * undefined for those that nothing is known of, where others were answered.
   */
  renew(requests: readonly RenewRequest[], within: number): Promise<(OwnerReply | undefined)[]>;

  /**
   * Frees the lock if this holder has it, and records in the same step what was completed; changes nothing otherwise.
   * Who stands in line next has the lock from then on.
   */
  release(request: ReleaseRequest, within: number): Promise<OwnerReply>;

  /**
   * Frees the lock like `leave`, and sees to it that the acquisition is not granted any more, should its request
   * arrive only now. What it claims can be had again if it was granted.
   */
  undo(request: UndoRequest, within: number): Promise<OwnerReply>;

  /** Who holds the lock now; null if it is free. */
  inspect(name: string, within: number): Promise<StoredLock | null>;

  /** All locks that are held and whose name begins with `prefix`, in no order; one that comes or goes meanwhile may be missed. */
  list?(prefix: string, within: number): AsyncIterable<StoredLock & { readonly name: string }>;

  /** Frees the lock like `release`, whoever holds it, if it is still the grant with this fence; else it is `taken`. */
  force?(request: ForceRequest, within: number): Promise<OwnerReply>;

  /**
   * Calls `onTurn` whenever it may be worth asking for the lock again, until the function that it returns is called;
   * with a turn where the store can say that it has given the lock away. Together with `leave` it makes a store one that
   * keeps a line; without them waiters ask ten times a second.
   */
  watch?(name: string, onTurn: (turn?: Turn) => void): () => void;

  /** Takes an acquisition out of the line, and frees the lock if it has just been its turn. */
  leave?(request: RenewRequest, within: number): Promise<OwnerReply>;

  /**
   * Only of stores that notice it: tells of each lock that was taken from its holder, whose lease need not wait for its
   * next renewal then.
   */
  whenTakenAway?(listener: (owner: OwnerRequest, how: 'taken' | 'vanished') => void): void;

  /** Ends connections and files. The store is not used afterwards. */
  close(): Promise<void>;
}

/** Names one lock and the acquisition that claims to hold it. */
export interface OwnerRequest {
  readonly name: string;
  /** The holder record as it is stored: unique to the acquisition, since it begins with its token. One line. */
  readonly record: string;
}

/** The same with the time that the lock is kept. */
export interface RenewRequest extends OwnerRequest {
  /** Milliseconds. */
  readonly ttl: number;
}

/** What is to be decided about one lock. */
export interface AcquireRequest extends RenewRequest {
  /** Present when the lock is wanted for one intended run only. */
  readonly claim?: Claim | undefined;
  /**
   * Milliseconds since the caller began to wait. Present when it is to stand in line where the lock is busy: whoever has
   * waited for longest comes first.
   */
  readonly waited?: number | undefined;
}

/** Names one grant of a lock, whoever has it. */
export interface ForceRequest {
  readonly name: string;
  readonly fence: number;
}

/** An acquisition whose caller does not know its answer. */
export interface UndoRequest extends RenewRequest {
  /** What the lock was acquired for. */
  readonly claim?: Claim | undefined;
}

/** The end of a lease. */
export interface ReleaseRequest extends OwnerRequest {
  /** What the lock was acquired for, if that has been run to its end. */
  readonly completed?: Claim | undefined;
}

/**
 * One intended run, which the store grants once. Several series may share a lock, and each has runs of its own: every
 * job, interval and initialisation is one.
 */
export type Claim = TickClaim | GapClaim | KeyClaim;

/** One tick of a schedule. Done when it or a later one was granted. */
export interface TickClaim {
  readonly kind: 'tick';
  readonly series: string;
  /** The nominal time, milliseconds since the epoch. */
  readonly time: number;
  /** Granted again as long as it was not completed: its holder may have died. */
  readonly rerun: boolean;
  /**
   * The replica's clock when it asked, milliseconds since the epoch: the answer is `behind` where that is more than
   * 500 ms late and no tick of the series was granted yet. Absent: the tick is wanted all the same.
   */
  readonly askedAt?: number | undefined;
}

/** The first run in a while. Done when another was granted less than `gap` ago. */
export interface GapClaim {
  readonly kind: 'gap';
  readonly series: string;
  /** Milliseconds from one grant to the next. */
  readonly gap: number;
}

/** Something that is to be run to its end once. Done when it was completed less than `remember` ago. */
export interface KeyClaim {
  readonly kind: 'key';
  /** Names the key, too. */
  readonly series: string;
  /** Milliseconds for which the store remembers that it was completed. */
  readonly remember: number;
}

/**
 * The decision, by the store's clock; the first rule that applies, from the top:
 * 1. this very record holds the lock already (a retry after a lost reply): granted
 * 2. the claim is a tick more than 25 ms later than now: early; or a first tick, asked for by a clock that is behind:
 *    behind
 * 3. the claim is done, as it says itself: done
 * 4. somebody holds the lock: busy, and the caller stands in line if it wants to
 * 5. others stand in line before it: the first of them who is alive has the lock from now on, and it is busy
 * 6. granted; a tick or the start of a gap is recorded in the same step, and the fence is higher than any before
 */
export type AcquireReply = (
  | {
      readonly status: 'granted';
      readonly fence: number;
    }
  | {
      readonly status: 'early';
      /** Milliseconds until the tick, by the store's clock. */
      readonly by: number;
    }
  | { readonly status: 'behind' }
  | { readonly status: 'done' }
  | ({
      readonly status: 'busy';
      /** Whether the caller stands in line, and `watch` will tell when it is its turn. */
      readonly inLine?: boolean | undefined;
      /** The last fence of the lock: a turn with a higher one came after this answer. Known where `watch` tells turns. */
      readonly lastFence?: number | undefined;
    } & HeldBy)
) & {
  /** Whether the request was sent more than once, so that another copy of it may arrive later. */
  readonly repeated?: boolean | undefined;
  /** The store's clock at the decision, milliseconds since the epoch; needed where there is a claim. */
  readonly now?: number | undefined;
};

/** The lock was given to who stood in line, for a time. */
export interface Turn {
  readonly record: string;
  readonly fence: number;
  /** For how long, milliseconds. */
  readonly keptFor: number;
}

/** Who has a lock. */
export interface HeldBy {
  /** The holder's record as it is stored. */
  readonly record: string;
  /** Milliseconds until the lock expires; Infinity if another program took it without an expiry. */
  readonly remaining: number;
}

/** `held`: it was this holder's. `taken`: it is somebody else's. `vanished`: nobody holds it. */
export type OwnerReply = 'held' | 'taken' | 'vanished';

/** What a store knows of a lock that is held. */
export interface StoredLock extends HeldBy {
  /** The fencing token of this grant; undefined if another program took the lock. */
  readonly fence: number | undefined;
  /** How many stand in line for it; of each replica one at most. Undefined where the store keeps no line. */
  readonly waiters?: number | undefined;
}

/** A tick may be this many milliseconds ahead of the store's clock and still count as due. */
export const EARLY_TOLERANCE = 25;

/** Milliseconds after which an answer says that a replica's clock, or the way from it to the store, is behind. */
export const BEHIND_TOLERANCE = 500;

/** How long whoever stands in line has the lock when it is its turn, unless it asks for it, in milliseconds. */
export const TURN_TIMEOUT = 5000;

/** How long a place in line is kept unless it is asked for again, in milliseconds. */
export const PLACE_RETENTION = 15_000;

/** How long after its undo an acquisition may still arrive and is refused, in milliseconds. */
export const UNDO_RETENTION = 15 * 60 * 1000;

const DAY = 24 * 60 * 60 * 1000;
/** How long a store remembers fence and runs of a lock after its last use, in milliseconds. */
const STATE_RETENTION = DAY;
/** The same where ticks are among them: a replica that was suspended may wake and ask for one of long ago. */
const TICK_RETENTION = 35 * DAY;

/** How long the state of a lock is kept after its last use with this claim, in milliseconds. */
export function retentionFor(claim: Claim | undefined): number {
  if (claim?.kind === 'tick') return TICK_RETENTION;
  if (claim?.kind === 'gap') return Math.max(STATE_RETENTION, claim.gap);
  if (claim?.kind === 'key') return Math.max(STATE_RETENTION, claim.remember);
  return STATE_RETENTION;
}
