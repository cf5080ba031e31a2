/** One grant of a lock for a limited time, renewed until it is released. */
export interface Lease extends AsyncDisposable {
  /** The name of the lock. */
  readonly name: string;
  /**
   * The fencing token: grows with every grant of this lock, even across crashes and loss of the store's data. Send it
   * with each write, and let the receiver refuse a lower token than it has seen.
   */
  readonly fencingToken: number;
  /** The nominal time of the cron tick that this lease was granted for, if it was for one. */
  readonly tick: Date | undefined;
  /** Whether that tick runs late because no replica ran it when it was due. */
  readonly missed: boolean;
  /** Whether the lock is certainly still held. Compares a clock at every call, so it is right even after a pause. */
  readonly held: boolean;
  /** Milliseconds until the lease ends unless it is renewed; 0 if it is not held. */
  readonly remaining: number;
  /**
   * Aborts with a `LockLostError` when the lease is lost, before another holder can get the lock. Aborts with a
   * `LockShuttingDownError` when a shutdown has waited for `drainTimeout`; the lock is then still held.
   */
  readonly signal: AbortSignal;
  /**
   * Throws unless the lock is certainly still held. Call it right before a step that must not happen twice.
   *
   * @throws LockLostError
   */
  assertHeld(): void;
  /**
   * Releases the lock. Never rejects, and does nothing the second time. Takes one round trip. If the store does not
   * answer within 250 ms, the release is retried in the background until it does.
   */
  release(): Promise<void>;
}
