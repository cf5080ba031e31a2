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

  /** Decides one acquisition in one atomic step; see {@link AcquireReply} for the order of the rules. */
  acquire(request: AcquireRequest, within: number): Promise<AcquireReply>;

  /**
   * Gives each lease its full TTL again, from now, if it is still the holder. Replies in the order of the requests;
   * undefined for those that nothing is known of, where others were answered.
   */
  renew(requests: readonly RenewRequest[], within: number): Promise<(OwnerReply | undefined)[]>;

  /** Frees the lock if this holder has it; changes nothing otherwise. */
  release(request: OwnerRequest, within: number): Promise<OwnerReply>;

  /**
   * Frees the lock like `release`, and sees to it that the acquisition is not granted any more, should its request
   * arrive only now.
   */
  undo(request: OwnerRequest, within: number): Promise<OwnerReply>;

  /** Who holds the lock now; null if it is free. */
  inspect(name: string, within: number): Promise<StoredLock | null>;

  /** Ends connections and files. The store is not used afterwards. */
  close(): Promise<void>;
}

/** Names one lock and the acquisition that claims to hold it. */
export interface OwnerRequest {
  readonly name: string;
  /** The holder record as it is stored: unique to the acquisition, since it contains its token. */
  readonly record: string;
}

export interface RenewRequest extends OwnerRequest {
  /** Milliseconds. */
  readonly ttl: number;
}

export interface AcquireRequest extends RenewRequest {
  /** Present when the lock is wanted for one tick of a schedule only. */
  readonly tick?: Tick;
}

/** One tick of one schedule. */
export interface Tick {
  /** Which schedule: several may share a lock, and each has ticks of its own. */
  readonly series: string;
  /** The nominal time, milliseconds since the epoch. */
  readonly time: number;
}

/**
 * The decision, by the store's clock; the first rule that applies, from the top:
 * 1. this very record holds the lock already (a retry after a lost reply): granted
 * 2. the tick is later than now: early
 * 3. this tick of the series, or a later one, was granted before: done
 * 4. somebody holds the lock: busy
 * 5. granted; the tick is recorded in the same step, and the fence is higher than any before
 */
export type AcquireReply =
  | { readonly status: 'granted'; readonly fence: number }
  | {
      readonly status: 'early';
      /** Milliseconds until the tick, by the store's clock. */ readonly by: number;
    }
  | { readonly status: 'done' }
  | ({ readonly status: 'busy' } & HeldBy);

export interface HeldBy {
  /** The holder's record as it is stored. */
  readonly record: string;
  /** Milliseconds until the lock expires; Infinity if another program took it without an expiry. */
  readonly remaining: number;
}

/** `held`: it was this holder's. `taken`: it is somebody else's. `vanished`: nobody holds it. */
export type OwnerReply = 'held' | 'taken' | 'vanished';

export interface StoredLock extends HeldBy {
  /** The fencing token of this grant; undefined if another program took the lock. */
  readonly fence: number | undefined;
}

/** A tick may be this many milliseconds ahead of the store's clock and still count as due. */
export const EARLY_TOLERANCE = 25;

/** How long after its undo an acquisition may still arrive and is refused, in milliseconds. */
export const UNDO_RETENTION = 15 * 60 * 1000;

/** How long a store remembers fence and ticks of a lock after its last use, in milliseconds. */
export const STATE_RETENTION = 24 * 60 * 60 * 1000;
