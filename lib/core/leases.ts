import type { Clock } from '../common/clock.js';
import type { LockLostError, LockStoreError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import type { Claim, OwnerReply, OwnerRequest } from '../stores/lock-store.js';
import { LeaseKeeper } from './lease-keeper.js';
import { HeldLease, type Grant, type LeaseHome, type LeaseWanted } from './held-lease.js';
import type { LockEvents } from './lock-events.js';
import { LockReleaser, type Release } from './lock-releaser.js';
import type { Shutdown } from './shutdown.js';

/** What leases work with. */
export interface LeasesParts {
  readonly clock: Clock;
  readonly keeper: LeaseKeeper;
  readonly releaser: LockReleaser;
  readonly shutdown: Shutdown;
  readonly events: LockEvents;
  readonly logger: LockLogger;
}

/**
 * The leases of a process: issues them, keeps them renewed, and releases them. The keeper says when one is lost; the
 * releaser repeats releases that the store does not answer.
 */
export class Leases implements LeaseHome {
  readonly clock: Clock;
  readonly #parts: LeasesParts;

  constructor(parts: LeasesParts) {
    this.#parts = parts;
    this.clock = parts.clock;
  }

  /** The lease of a lock that the store has granted, which is kept from now on. */
  issue(wanted: LeaseWanted, owner: string, claim: Claim | undefined, grant: Grant): HeldLease {
    const { keeper, shutdown } = this.#parts;
    const lease = new HeldLease(wanted, owner, claim, grant, this);
    keeper.keep(lease);
    shutdown.entered(lease);
    return lease;
  }

  /** Releases as void an acquisition whose caller has gone, whatever the store may have granted. */
  withdraw(request: Release): void {
    this.#parts.releaser.withdraw(request);
  }

  release(lease: HeldLease): Promise<void> {
    const { keeper, releaser } = this.#parts;
    keeper.drop(lease);
    if (lease.end !== 'void') return releaser.release(lease, this);
    // Nobody waits for the return of a lock that nobody used.
    releaser.withdraw(lease);
    this.left(lease);
    return Promise.resolve();
  }

  left(lease: HeldLease): void {
    this.#parts.shutdown.left(lease);
  }

  /** The store has answered a release, or never will; `inTime`: while the caller waited for that. */
  released(lease: HeldLease, reply: OwnerReply | undefined, inTime: boolean): void {
    // A lease that was held when it was released was held to its end, whatever happened to the lock after that. But if
    // another owner has the lock at that moment, it had it before.
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

  /** The store says so without having been asked. */
  takenAway(owner: OwnerRequest, how: 'taken' | 'vanished'): void {
    this.#parts.keeper.takenAway(owner, how);
  }

  /** The store may have forgotten its locks. */
  renewAllNow(): void {
    this.#parts.keeper.renewAllNow();
  }

  /** Held leases end when their time is over. Waits for pending releases for the time of one command. */
  async close(): Promise<void> {
    this.#parts.keeper.stop();
    await this.#parts.releaser.close();
  }
}
