import type { QueueGrant } from '../lock-store.js';

/**
 * A table with a row for each lock, in a database that can write a row only if nobody has written it since it was read.
 * `ledgerStore()` makes a store of it: it reads a row, decides by the rules of the contract, and writes the row back.
 * If somebody else was faster, it reads again. So nothing is locked from one statement to the next.
 *
 * A call that fails is made again as long as its caller has time. It may throw a `LockStoreError`: one that is `refused`
 * is not made again, and one whose `mayHaveRun` is false has certainly written nothing.
 */
export interface LedgerTable {
  /** Where the table is, for log lines and errors. Never holds a secret. */
  readonly description: string;

  /** As `LockStore.shortestTtl`. */
  readonly shortestTtl?: number | undefined;

  /** Reads the rows with these keys, in their order, each at a time of the table's clock. The keys are all different. */
  read(keys: readonly string[], within: number): Promise<readonly LedgerReading[]>;

  /**
   * Makes each change whose row is still the one that was read, or is still missing, and says which were made; undefined
   * if that is not known. The keys are all different. A row that somebody else has locked counts as one that has changed:
   * do not wait for it.
   */
  write(changes: readonly LedgerChange[], within: number): Promise<readonly (boolean | undefined)[]>;

  /** Reads the rows that are held and whose keys begin with `prefix`, in no order. */
  list(prefix: string, within: number): AsyncIterable<ListedLedger>;

  /**
   * Gives each hold its full TTL again, from now, if it has not expired and is still of this owner, and says which were.
   * No row counts as changed by that. Without this method, each row is read and written.
   */
  renew?(holds: readonly LedgerRenewal[], within: number): Promise<readonly boolean[]>;

  /**
   * Frees each lock that is still held by this owner, if its `ledger` is empty, and says which were freed. Remembers the
   * row for `keepFor` milliseconds from now at least. Without this method, each row is read and written.
   */
  free?(holds: readonly LedgerFreed[], within: number): Promise<readonly boolean[]>;

  /**
   * Calls `onNews` whenever it may be worth asking for the lock again, until the returned function is called; with the
   * grant if a change had one for this process. Without this method, waiters ask ten times a second.
   */
  watch?(key: string, onNews: (grant?: QueueGrant) => void): () => void;

  /**
   * Names this process, for a hold with this TTL, or for a wait if there is none; what it names can be asked for with
   * `gone`. Undefined while it has no name: its waiters ask by themselves.
   */
  processFor?(ttl?: number): string | undefined;

  /** Those of these processes that do not exist any more: their waiters are passed over. */
  gone?(processes: readonly string[], within: number): Promise<ReadonlySet<string>>;

  /**
   * Has `end` end each hold of this process that is not renewed in time: for tables whose holds live as long as their
   * process. It rejects if the table is away.
   */
  onOverdue?(end: (key: string, owner: string) => Promise<unknown>): void;

  /** As `LockStore.onTakenAway`, with the key of the row. */
  onTakenAway?(listener: (key: string, owner: string, how: 'taken' | 'vanished') => void): void;

  /** As `LockStore.onReconnected`. */
  onReconnected?(listener: () => void): void;

  /** Ends connections and timers. */
  close(): Promise<void>;
}

/** What was read of one key. */
export interface LedgerReading {
  /**
   * The table's clock when the row was read, milliseconds since the epoch, with fraction; never before that of its last
   * write.
   */
  readonly now: number;
  /** Undefined if there is none. */
  readonly row?: LedgerRow | undefined;
}

/** A lock. A table may add what it needs to find out whether the row has changed: a reading comes back with the change. */
export interface LedgerRow {
  /** Undefined if nobody holds the lock, or the hold has expired by the table's clock, or its process is gone. */
  readonly held?: LedgerHold | undefined;
  /** The last that was granted. */
  readonly fencingToken: number;
  /** What else there is to remember; often empty. */
  readonly ledger: string;
}

/** Who holds a lock. */
export interface LedgerHold {
  readonly owner: string;
  /** The holder as it was given to the store: JSON in one line. */
  readonly holder: string;
  /** Milliseconds from the reading until it expires. */
  readonly ttl: number;
  /** Of the holder, by `processFor`. */
  readonly process?: string | undefined;
}

/** What is to be written. */
export interface LedgerChange {
  readonly key: string;
  /** What was read: the change is made only if the row is still the same. */
  readonly before: LedgerReading;
  /** The holder from now on; `kept`: the row says so already, and a renewal in between counts; `freed`: nobody. */
  readonly held: LedgerHold | 'kept' | 'freed';
  readonly fencingToken: number;
  readonly ledger: string;
  /**
   * Until when the row is needed, milliseconds since the epoch by the clock of `before`. One that is held is needed for
   * `TOKEN_RETENTION` after that has expired, too.
   */
  readonly keepUntil: number;
  /** The waiter that has been given the lock, to be notified in the same step. */
  readonly given?: LedgerGrant | undefined;
}

/** The grant of a lock to a waiter. */
export interface LedgerGrant extends QueueGrant {
  /** Of the waiter, by `processFor`. */
  readonly process?: string | undefined;
}

/** A hold that is to be renewed. */
export interface LedgerRenewal {
  readonly key: string;
  readonly owner: string;
  /** Milliseconds. */
  readonly ttl: number;
}

/** A hold that has ended. */
export interface LedgerFreed {
  readonly key: string;
  readonly owner: string;
  /** Milliseconds for which the row is needed after that. */
  readonly keepFor: number;
}

/** A row of a listing. */
export interface ListedLedger {
  readonly key: string;
  readonly row: LedgerRow & { readonly held: LedgerHold };
}
