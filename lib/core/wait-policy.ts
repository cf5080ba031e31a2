import { wallTime, type Clock } from '../common/clock.js';
import { LockStoreError, LockTimeoutError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import { messages } from '../common/messages.js';
import { BEHIND_TOLERANCE, type Claim } from '../stores/lock-store.js';
import { describeClaim } from './occurrence.js';
import type { Wanted } from './wanted.js';

/**
 * Milliseconds. If a tick is further than this ahead of the store's clock, the replica's clock is wrong and not just
 * fast.
 */
export const LONGEST_WAIT_FOR_TICK = 60_000;
/** Milliseconds between two requests while another holds the lock and the store does not notify. */
const POLL = 100;
/** The same if the store notifies waiters. A notification may be lost. */
const SLOW_POLL = 2000;
/** Milliseconds between two requests while the store does not answer. */
const POLL_OUTAGE = 250;
/** Milliseconds by which a timer may fire early. Less than this counts as no time left. */
const TIMER_PRECISION = 2;
/** Milliseconds for which each request is waited for at least, even when the time to wait is over. */
const LEAST_PATIENCE = 250;

/** How long one acquisition waits. Durations are milliseconds, moments are by the keeper's clock. */
export interface WaitLimits {
  /** When the call began. */
  readonly since: number;
  /** How long it waits for others and for the store; 0: not at all. */
  readonly wait: number;
  /** Until when a call that does not wait keeps asking a store that is away; undefined: it asks once. */
  readonly retryUntil: number | undefined;
  /** Whether another replica runs the tick that it wants, so that it stands by to take over if that replica dies. */
  readonly standsBy: boolean;
}

/** Why an acquisition waits. */
export interface Seen {
  /** The holder in the last reply that named one. */
  readonly holder?: Holder | undefined;
  /** Why the store could not be reached since then. */
  readonly failure?: LockStoreError | undefined;
}

/** Whether neither this call nor those before it in the queue of this process have had a reply. */
export const isNothing = ({ holder, failure }: Seen): boolean => !holder && !failure;

/** Milliseconds until a busy lock is requested again; undefined if the call does not wait for it. */
export function pauseWhileBusy(
  limits: WaitLimits,
  remaining: number,
  isNotified: boolean,
): number | undefined {
  if (limits.wait === 0 && !limits.standsBy) return undefined;
  // Asks when the lock has expired, unless it is renewed, and not a moment earlier.
  return Math.min(isNotified ? SLOW_POLL : POLL, remaining + 1);
}

/** Milliseconds until a store that is away is asked again; undefined if the call does not wait for it. */
export function pauseWhileAway(limits: WaitLimits, now: number): number | undefined {
  if (limits.wait > 0 || limits.standsBy) return POLL_OUTAGE;
  const left = (limits.retryUntil ?? 0) - now;
  return left > TIMER_PRECISION ? Math.min(POLL_OUTAGE, left) : undefined;
}

/** Milliseconds until an early tick is due; undefined if the clock of this replica must be wrong. */
export function pauseUntilDue(by: number): number | undefined {
  return by <= LONGEST_WAIT_FOR_TICK ? by : undefined;
}

/** Milliseconds that are left to wait; 0 when the time is over. */
export function timeLeft({ since, wait, standsBy }: WaitLimits, seen: Seen, now: number): number {
  if (standsBy || wait === 0) return Infinity;
  // The first request has LEAST_PATIENCE, for the calls behind it in the queue of this process as well.
  const left = since + Math.max(wait, isNothing(seen) ? LEAST_PATIENCE : 0) - now;
  return left > TIMER_PRECISION ? left : 0;
}

/** Milliseconds for which one reply is waited for. A call that does not wait for others still waits for its reply. */
export function patienceFor({ since, wait, standsBy }: WaitLimits, now: number): number {
  if (wait === 0 || standsBy) return Infinity;
  return Math.max(LEAST_PATIENCE, since + wait - now);
}

/**
 * Until when a run that does not wait keeps asking a store that is away, by the keeper's clock; undefined if it asks
 * once. A tick may be late until the next one is due, which has a call of its own.
 */
export function whenToGiveUp(
  { retryFor, wait, claim, following }: Pick<Wanted, 'retryFor' | 'wait' | 'claim' | 'following'>,
  since: number,
  clock: Clock,
): number | undefined {
  if (retryFor === undefined || wait > 0) return undefined;
  const next = claim?.kind === 'tick' ? following?.(new Date(claim.time)) : undefined;
  const untilNext = next ? next.getTime() - wallTime(clock) : Infinity;
  return Math.min(since + retryFor, clock.now() + untilNext);
}

/**
 * Returns the tick that a replica claims when the store's clock is ahead of its own. This is the tick that is due next
 * by the store's clock, if that is soon, so that a past tick does not block it. Otherwise it is the tick that the
 * replica was called for. The store cannot decide this: a clock may be behind by many ticks, and only the replica knows
 * the schedule.
 */
export function tickInStep(
  time: number,
  following: (moment: Date) => Date | undefined,
  storeNow: number,
  replicaNow: number,
): number {
  // If the clock is right and only the request was late, the tick is not skipped.
  if (storeNow - replicaNow <= BEHIND_TOLERANCE) return time;
  const next = following(new Date(storeNow))?.getTime() ?? Number.NaN;
  // A tick that is due and closer than the next one is the present tick.
  return next - storeNow <= Math.min(LONGEST_WAIT_FOR_TICK, storeNow - time) ? next : time;
}

/** Whether the holder runs the same tick, which is rerun if the holder dies. */
export function runsTheSameTick(claim: Claim | undefined, holder: Holder): boolean {
  return claim?.kind === 'tick' && claim.rerun && describeClaim(claim) === holder.occurrence;
}

/** The error of a call whose time to wait is over. */
export function timedOut({ name, wait }: Wanted, { holder, failure }: Seen): LockTimeoutError {
  // Without a holder, no reply has come yet.
  const cause =
    failure ?? (holder ? undefined : new LockStoreError(messages.notAnsweredYet(), { mayHaveRun: false }));
  return new LockTimeoutError(messages.timedOut(name, wait, holder?.replica, cause), { holder, cause });
}
