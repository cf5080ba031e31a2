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
   * Frees the lock if this holder has it, and records in the same step what was completed. Whoever stands in line next
   * has the lock from then on. A release that comes when the lease has expired records what was completed all the same:
   * a tick unless another holder has begun it since, a key unless the lock has another holder now.
   */
  release(request: ReleaseRequest, within: number): Promise<OwnerReply>;

  /**
   * Frees the lock like `leave`, and sees to it that the acquisition is not granted any more, should its request
   * arrive only now. What was granted to it can be had again, also when its lease has expired by now: the mark says
   * whose it is.
   */
  undo(request: UndoRequest, within: number): Promise<OwnerReply>;

  /** Who holds the lock now; null if it is free. */
  inspect(name: string, within: number): Promise<StoredLock | null>;

  /** All locks that are held and whose name begins with `prefix`, in no order; one that comes or goes meanwhile may be missed. */
  list?(prefix: string, within: number): AsyncIterable<StoredLock & { readonly name: string }>;

  /** Frees the lock like `release`, whoever holds it, if it is still the grant with this fencing token; else it is `taken`. */
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

  /**
   * Calls the listener whenever the store was out of reach and is there again: it may have forgotten locks, or be another
   * server. Leases are renewed at once then, so that whoever has lost its lock learns of it.
   */
  whenReconnected?(listener: () => void): void;

  /** Ends connections and files. The store is not used afterwards. */
  close(): Promise<void>;
}

/** Names one lock and the acquisition that claims to hold it. */
export interface OwnerRequest {
  readonly name: string;
  /**
   * The holder's record: JSON in one line, unique to the acquisition since it begins with its token, as in
   * `{"token":"…",…}`.
   */
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
  readonly fencingToken: number;
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
 * One intended run, which the store grants once. Several job may share a lock, and each has runs of its own: every
 * job, interval and initialisation is one.
 */
export type Claim = TickClaim | GapClaim | KeyClaim;

interface ClaimBase {
  readonly job: string;
  /** Whose job that is. It makes no difference to the decision; a `done` reply tells who has made the mark. */
  readonly application?: string | undefined;
}

/** One tick of a schedule. Done when it or a later one was granted. */
export interface TickClaim extends ClaimBase {
  readonly kind: 'tick';
  /** The nominal time, milliseconds since the epoch. */
  readonly time: number;
  /** Granted again as long as it was not completed: its holder may have died. */
  readonly rerun: boolean;
  /** How often it is granted at most, where it is granted again. */
  readonly maxAttempts?: number | undefined;
  /**
   * The replica's clock when it asked, milliseconds since the epoch: the answer is `behind` where that is more than
   * 500 ms late and no tick of the job was granted yet. Absent: the tick is wanted all the same.
   */
  readonly askedAt?: number | undefined;
}

/** The first run in a while. Done when another was granted less than `gap` ago. */
export interface GapClaim extends ClaimBase {
  readonly kind: 'gap';
  /** Milliseconds from one grant to the next. */
  readonly gap: number;
}

/** Something that is to be run to its end once. Done when it was completed less than `remember` ago. */
export interface KeyClaim extends ClaimBase {
  readonly kind: 'key';
  /** Names the key, too. */
  readonly job: string;
  /** Milliseconds for which the store remembers that it was completed. */
  readonly remember: number;
}

/**
 * The decision, by the store's clock; the first rule that applies, from the top:
 * 1. this very record holds the lock already, and the mark of what it claims is its own (a retry after a lost reply):
 *    granted
 * 2. the claim is a tick more than 25 ms later than now: early; or a first tick, asked for by a clock that is behind:
 *    behind
 * 3. the claim is done, as it says itself: done. A mark from the future decides nothing: no tick is granted more than
 *    25 ms early, so the store's clock was set back since
 * 4. somebody else holds the lock: busy, and the caller stands in line if it wants to
 * 5. others stand in line before it: the first of them who is alive has the lock from now on, and it is busy
 * 6. granted; a tick or the start of a gap is marked in the same step, and the fencing token is higher than any before. A record
 *    that was given the lock because it stood in line keeps that fencing token
 *
 * A caller that is told early, behind or done neither has the lock nor stands in line afterwards.
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
      /** The application whose claim it was that has been run; undefined where that had none. */
      readonly application?: string | undefined;
      /** Present once, when the tick is given up: how often it was granted without being completed. */
      readonly attempts?: number | undefined;
    }
  | ({
      readonly status: 'busy';
      /** Whether the caller stands in line, and `watch` will tell when it is its turn. */
      readonly inLine?: boolean | undefined;
      /** The last fencing token of the lock: a turn with a higher one came after this answer. Known where `watch` tells turns. */
      readonly lastToken?: number | undefined;
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
  readonly fencingToken: number;
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
  readonly fencingToken: number | undefined;
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

/** How often a tick that is granted again is granted at most, where the claim does not say. */
export const MAX_ATTEMPTS = 3;

const DAY = 24 * 60 * 60 * 1000;
/** How long a store remembers the fencing token of a lock after its last grant, in milliseconds. */
export const TOKEN_RETENTION = DAY;
/** How long ticks are remembered: a replica that was suspended may wake and ask for one of long ago. */
const TICK_RETENTION = 35 * DAY;

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
