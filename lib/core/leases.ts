import type { Clock } from '../common/clock.js';
import type { LockLostError, LockStoreError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import type { Claim, OwnerReply, OwnerRequest } from '../stores/lock-store.js';
import { LeaseKeeper } from './lease-keeper.js';
import { HeldLease, type Grant, type LeaseHome, type LeaseWanted } from './held-lease.js';
import type { LockEvents } from './lock-events.js';
import { LockReleaser, type Release } from './lock-releaser.js';
import type { Shutdown } from './shutdown.js';

/** What the leases of a process need. */
export interface LeasesParts {
  readonly clock: Clock;
  readonly keeper: LeaseKeeper;
  readonly releaser: LockReleaser;
  readonly shutdown: Shutdown;
  readonly events: LockEvents;
  readonly logger: LockLogger;
}

/**
 * Issues, renews and releases the leases of a process. The keeper renews them and detects losses; the releaser repeats
 * releases that the store does not answer.
 */
export class Leases implements LeaseHome {
  readonly clock: Clock;
  readonly #parts: LeasesParts;

  constructor(parts: LeasesParts) {
    this.#parts = parts;
    this.clock = parts.clock;
  }

  /** Makes the lease of a granted lock, which is renewed from now on. */
  issue(wanted: LeaseWanted, owner: string, claim: Claim | undefined, grant: Grant): HeldLease {
    const { keeper, shutdown } = this.#parts;
    const lease = new HeldLease(wanted, owner, claim, grant, this);
    keeper.keep(lease);
    shutdown.entered(lease);
    return lease;
  }

  /** Releases as void whatever the store may have granted to an acquisition whose caller has gone. */
  withdraw(request: Release): void {
    this.#parts.releaser.withdraw(request);
  }

  release(lease: HeldLease): Promise<void> {
    const { keeper, releaser } = this.#parts;
    keeper.drop(lease);
    if (lease.end !== 'void') return releaser.release(lease, this);
    // Nobody waits for the release of a lock that was never used.
    releaser.withdraw(lease);
    this.left(lease);
    return Promise.resolve();
  }

  left(lease: HeldLease): void {
    this.#parts.shutdown.left(lease);
  }

  /** The store has answered a release, or never will (`reply` is undefined). `inTime`: while the caller waited. */
  released(lease: HeldLease, reply: OwnerReply | undefined, inTime: boolean): void {
    // A lease that was held when it was released was held to its end, whatever happened to the lock afterwards. But if
    // another owner has the lock at that very moment, it got the lock before that.
    if (reply === 'taken' && inTime) lease.lose(reply);
    const heldToItsEnd = lease.lossReason === 'released';
    if (reply === 'held' || (reply && heldToItsEnd))
      this.#parts.events.emit(() => ({ type: 'released', ...lease.identity, held: lease.age }));
  }

  releaseRefused(lease: HeldLease, error: LockStoreError): void {
    this.#parts.events.emit(() => ({ type: 'releaseRefused', ...lease.identity, error }));
  }

  lost(lease: HeldLease, error: LockLostError): void {
    const { logger, events } = this.#parts;
    if (lease.end === 'void') return;
    (lease.logger ?? logger).warn(error.message);
    events.emit(() => ({ type: 'lost', ...lease.identity, error, held: lease.age }));
  }

  get stalledFor(): number {
    return this.#parts.keeper.stalledFor;
  }

  /** The store reports, without being asked, that another owner has the lock or nobody has it. */
  takenAway(owner: OwnerRequest, how: 'taken' | 'vanished'): void {
    this.#parts.keeper.takenAway(owner, how);
  }

  /** Renews all leases at once, because the store may have forgotten its locks. */
  renewAllNow(): void {
    this.#parts.keeper.renewAllNow();
  }

  /**
   * Stops renewing, and waits for pending releases for the time of one command. Leases that are held end when their
   * time is over.
   */
  async close(): Promise<void> {
    this.#parts.keeper.stop();
    await this.#parts.releaser.close();
  }
}
