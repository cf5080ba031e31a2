import { wallTime, type Clock } from '../common/clock.js';
import type { Holder } from '../common/holder.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { AcquireReply, Claim } from '../stores/lock-store.js';
import type { Wanted } from './wanted.js';
import { ClockWatch } from './clock-watch.js';
import type { HeldLease } from './held-lease.js';
import { lateness } from './runs.js';
import type { LockEvents } from './lock-events.js';
import { describeClaim, wantedFor } from './occurrence.js';
import { OtherApplications } from './other-applications.js';
import type { Skipped } from './outcome.js';
import { UntoldTicks } from './untold-ticks.js';
import { LONGEST_WAIT_FOR_TICK } from './wait-policy.js';

/** Reports how acquisitions end, and what the store's replies reveal, as events and log lines. */
export class AcquisitionNews {
  readonly #clock: Clock;
  readonly #events: LockEvents;
  readonly #logger: LockLogger;
  readonly #clockWatch: ClockWatch;
  readonly #others: OtherApplications;
  readonly #untold: UntoldTicks;

  constructor(clock: Clock, events: LockEvents, logger: LockLogger, application: string | undefined) {
    this.#clock = clock;
    this.#events = events;
    this.#logger = logger;
    this.#clockWatch = new ClockWatch(logger);
    this.#others = new OtherApplications(application, logger);
    this.#untold = new UntoldTicks(events, logger);
  }

  waited({ name, claim }: Wanted, since: number, holder: Holder | undefined, granted: boolean): void {
    this.#events.emit(() => ({
      type: 'waited',
      name,
      ...wantedFor(claim),
      waited: this.#elapsed(since),
      holder,
      granted,
    }));
  }

  /** `reply` is the grant; `wasAway`: the run is late because the store could not be reached. */
  acquired(
    wanted: Wanted,
    lease: HeldLease,
    reply: Pick<AcquireReply, 'now' | 'idleSince'>,
    since: number,
    wasAway: boolean,
  ): void {
    const { claim } = lease;
    const { now } = reply;
    if (claim?.kind === 'tick') this.#untold.granted(wanted, claim, reply);
    const late = lateness(lease, now);
    this.#events.emit(() => ({ type: 'acquired', ...lease.identity, waited: this.#elapsed(since), late }));
    // An interval cannot be late.
    if (wasAway && claim && claim.kind !== 'gap')
      this.#logger.log(messages.ranLate(lease.name, describeClaim(claim), late ?? this.#elapsed(since)));
  }

  skipped({ name, claim }: Wanted, skipped: Skipped, since: number): void {
    this.#logger.debug(messages.skipped(name, skipped));
    this.#events.emit(() => ({
      type: 'skipped',
      name,
      ...wantedFor(claim),
      reason: skipped.reason,
      waited: this.#elapsed(since),
      holder: skipped.reason === 'busy' ? skipped.holder : undefined,
      pause: skipped.reason === 'paused' ? skipped.pause : undefined,
      error: 'error' in skipped ? skipped.error : undefined,
    }));
  }

  /**
   * Other replicas may have been told that the tick is done, so it may be lost. Other kinds of runs are asked for
   * again.
   */
  grantedTooLate(name: string, claim: Claim | undefined): void {
    if (claim?.kind === 'tick') this.#logger.warn(messages.grantedTooLate(name, describeClaim(claim)));
  }

  heldBy(name: string, holder: Holder): void {
    this.#others.observe(name, 'held', holder.application);
  }

  /**
   * Reports what the reply to a claim reveals about clocks and earlier runs. `wallBefore`: the wall clock when the
   * request was sent.
   */
  observe(wanted: Wanted, claim: Claim, reply: AcquireReply, wallBefore: number): void {
    const { name } = wanted;
    if (reply.status === 'granted' && reply.futureMark !== undefined)
      this.#logger.warn(messages.markFromFuture(name, describeClaim(claim), reply.futureMark, reply.now));
    if (reply.status === 'done') this.#others.observe(name, 'run', reply.application);
    if (reply.status === 'done' && reply.attempts !== undefined)
      this.#logger.warn(messages.gaveUp(name, describeClaim(claim), reply.attempts));
    if (claim.kind === 'tick') this.#untold.refused(wanted, claim, reply);
    const wallAfter = wallTime(this.#clock);
    if (reply.status === 'early' && reply.by > LONGEST_WAIT_FOR_TICK && claim.kind === 'tick')
      this.#clockWatch.tooEarly(name, reply.by, claim.time, wallAfter);
    else if (reply.now !== undefined) this.#clockWatch.observe(wallBefore, wallAfter, reply.now);
  }

  #elapsed(since: number): number {
    return Math.round(this.#clock.now() - since);
  }
}
