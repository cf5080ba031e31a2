import { wallTime, type Clock } from '../common/clock.js';
import type { AcquireReply, Claim } from '../stores/lock-store.js';
import type { HolderIdentity } from './holder.js';
import type { Leases } from './leases.js';
import { describeClaim } from './occurrence.js';
import { tickInStep } from './wait-policy.js';
import type { Wanted } from './wanted.js';
import type { Failed, WatchedStore } from './watched-store.js';

/** A grant is not used if less than this part of the TTL is left when its reply is read. */
export const LEAST_LEFT = 1 / 3;

/** What the requests of an acquisition need. */
export interface RequestParts {
  readonly store: WatchedStore;
  readonly clock: Clock;
  readonly leases: Leases;
  readonly identity: HolderIdentity;
  readonly commandTimeout: number;
}

/**
 * The requests of one acquisition. All have one owner, so a lost reply does no harm: the next request finds what the
 * earlier one was granted. An acquisition that ends without the lock is released as void if it is queued or unsettled.
 */
export class AcquireRequests {
  /**
   * When the last request was sent, by the keeper's clock; -1 before the first. `wallAskedAt`: the same by the wall
   * clock, if it was for a run.
   */
  askedAt = -1;
  wallAskedAt = 0;
  readonly #wanted: Wanted;
  readonly #parts: RequestParts;
  /** Made for the first request, like `#holder`. */
  #owner = '';
  #holder = '';
  #claim: Claim | undefined;
  /** Returns the first tick after a moment. Set until it is known whether this replica's clock is behind. */
  #following: Wanted['following'];
  /** The reply that has not been read yet. */
  #unread: Promise<AcquireReply | Failed> | undefined;
  /** The store has queued this owner, and may still have it in the queue. */
  #isQueued = false;
  /** The store may have granted the lock, or may still grant it, and this replica does not know. */
  #isUnsettled = false;

  constructor(wanted: Wanted, parts: RequestParts) {
    this.#wanted = wanted;
    this.#parts = parts;
    this.#claim = wanted.claim;
    // A missed tick is in the past by any clock.
    const isLate = wanted.claim?.kind === 'tick' && wanted.claim.missed !== undefined;
    this.#following = isLate ? undefined : wanted.following;
  }

  get owner(): string {
    return this.#owner;
  }

  /** The run that the requests claim. */
  get claim(): Claim | undefined {
    return this.#claim;
  }

  /**
   * The store's clock is ahead of this replica's, or the request took long to arrive. One reply settles which. `now` is the
   * store's time.
   */
  clockIsBehind(now: number | undefined): void {
    const claim = this.#claim;
    const following = this.#following;
    this.#following = undefined;
    if (claim?.kind !== 'tick' || !following || now === undefined) return;
    const time = tickInStep(claim.time, following, now, wallTime(this.#parts.clock));
    if (time !== claim.time) this.#claimInstead({ ...claim, time });
  }

  /** Claims another run from now on, as a new owner, because the holder record names the run. */
  #claimInstead(claim: Claim): void {
    if (this.#isUnsettled) this.#withdraw();
    this.#isUnsettled = false;
    this.#owner = '';
    this.#claim = claim;
  }

  /**
   * Sends a request. Never rejects. `at`: now, by the keeper's clock. `waited`: milliseconds since the call began to wait.
   */
  send(at: number, waited: number | undefined): Promise<AcquireReply | Failed> {
    const { store, clock, commandTimeout, identity } = this.#parts;
    const { name, ttl, contents } = this.#wanted;
    let claim = this.#claim;
    if (this.#owner === '') {
      this.#owner = identity.newOwner();
      this.#holder = identity.describe(contents, claim && describeClaim(claim));
    }
    this.askedAt = at;
    if (claim) this.wallAskedAt = wallTime(clock);
    // While this replica's clock may be behind, the request carries its time for the store to compare.
    if (this.#following && claim?.kind === 'tick') claim = { ...claim, askedAt: this.wallAskedAt };
    const within = Math.round(Math.min(commandTimeout, ttl * (1 - LEAST_LEFT)));
    this.#unread = store.acquire(
      { name, owner: this.#owner, holder: this.#holder, ttl, claim, waited },
      within,
    );
    return this.#unread;
  }

  /** Notes whether the store may still hold something for this owner. */
  read(reply: AcquireReply | Failed): void {
    this.#unread = undefined;
    // A waiter stays queued if a request fails, or is sent while notifications cannot arrive.
    if (reply.status === 'busy') this.#isQueued ||= reply.queued === true;
    else if (reply.status !== 'failed') this.#isQueued = false;
    this.#isUnsettled ||= reply.status === 'failed' ? reply.error.mayHaveRun : reply.unsettled === true;
  }

  /** The grant came too late to be used. */
  leftUnused(): void {
    this.#isUnsettled = true;
  }

  /** The grant became a lease, which releases the lock. */
  becameLease(): void {
    this.#isQueued = this.#isUnsettled = false;
  }

  /** Ends the requests. Calls `ended` when the release of anything that the store may have granted is under way. */
  end(ended: () => void): void {
    const unread = this.#unread;
    if (!unread) {
      if (this.#isQueued || this.#isUnsettled) this.#withdraw();
      ended();
      return;
    }
    void unread.then((reply) => {
      this.read(reply);
      if (this.#isQueued || this.#isUnsettled || reply.status === 'granted') this.#withdraw();
      ended();
    });
  }

  #withdraw(): void {
    const { name, ttl, logger } = this.#wanted;
    this.#parts.leases.withdraw({ name, owner: this.#owner, ttl, claim: this.#claim, end: 'void', logger });
  }
}
