/** One grant of a lock, for a time, renewed until it is released. */
export interface Lease extends AsyncDisposable {
  /** The name of the lock. */
  readonly name: string;
  /**
   * The fencing token: grows with every grant of this lock, even across crashes and loss of the store's data. Hand
   * it to whatever you write to, and let that refuse a smaller one than it has seen.
   */
  readonly fencingToken: number;
  /** The nominal time of the cron tick that this lease was granted for, if it was for one. */
  readonly tick: Date | undefined;
  /** Whether that tick is run late, since nobody had run it when it was due. */
  readonly missed: boolean;
  /** Whether the lock is certainly still ours. Compares the clock at every call, so it is right even after a pause. */
  readonly held: boolean;
  /** Milliseconds until the lease ends unless it is renewed before; 0 when it is not held. */
  readonly remaining: number;
  /**
   * Aborts with a `LockLostError` when the lease is lost, before anybody else can get the lock; and with a
   * `LockShuttingDownError`, the lock still held, when a shutdown has waited for `drainTimeout`.
   */
  readonly signal: AbortSignal;
  /**
   * Throws unless the lock is certainly still ours. Call it right before a step that must not happen twice.
   *
   * @throws LockLostError
   */
  assertHeld(): void;
  /**
   * Releases the lock. Never throws and does nothing the second time. Takes one round trip; if the store does
   * not answer, 250 ms, and goes on in the background until it does.
   */
  release(): Promise<void>;
}
