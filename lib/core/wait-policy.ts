import { wallTime, type Clock } from '../common/clock.js';
import type { LockStoreError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import { BEHIND_TOLERANCE, type Claim } from '../stores/lock-store.js';
import { describeClaim } from './occurrence.js';
import type { Wanted } from './wanted.js';

/** A tick further ahead of the store's clock than this, in milliseconds, is a wrong clock, not a fast one. */
export const LONGEST_WAIT_FOR_TICK = 60_000;
/** Milliseconds between two requests while another holds the lock and the store does not notify. */
const POLL = 100;
/** The same if the store notifies waiters: a message may be lost. */
const SLOW_POLL = 2000;
/** Milliseconds between two requests while the store does not answer. */
const POLL_OUTAGE = 250;
/** Milliseconds by which a timer may fire early. Less than this counts as no time left. */
const TIMER_PRECISION = 2;
/** Milliseconds for which a request is waited for at least, also when the time to wait is over. */
const LEAST_PATIENCE = 250;

/** For how long one acquisition waits. Milliseconds, and moments on the keeper's clock. */
export interface WaitLimits {
  /** When the call began. */
  readonly since: number;
  /** How long it waits for others and for the store; 0: not at all. */
  readonly wait: number;
  /** Until when a call that does not wait asks a store that is away; undefined: once. */
  readonly retryUntil: number | undefined;
  /** Whether it has seen another replica run the very tick that it wants, and takes over if that one dies. */
  readonly standsBy: boolean;
}

/** Why an acquisition waits. */
export interface Seen {
  /** The holder in the last reply that named one. */
  readonly holder?: Holder | undefined;
  /** Why the store could not be asked since then. */
  readonly failure?: LockStoreError | undefined;
}

/** Nothing was answered yet, to this call or to those before it in the queue of this process. */
export const isNothing = ({ holder, failure }: Seen): boolean => !holder && !failure;

/** Milliseconds until a busy lock is asked for again; undefined if the call does not wait for it. */
export function pauseWhileBusy(
  limits: WaitLimits,
  remaining: number,
  isNotified: boolean,
): number | undefined {
  if (limits.wait === 0 && !limits.standsBy) return undefined;
  // The lock is free when it has expired, unless it was renewed: then, and not a little before.
  return Math.min(isNotified ? SLOW_POLL : POLL, remaining + 1);
}

/** Milliseconds until a store that is away is asked again; undefined if the call does not wait for it. */
export function pauseWhileAway(limits: WaitLimits, now: number): number | undefined {
  if (limits.wait > 0 || limits.standsBy) return POLL_OUTAGE;
  const left = (limits.retryUntil ?? 0) - now;
  return left > TIMER_PRECISION ? Math.min(POLL_OUTAGE, left) : undefined;
}

/** Milliseconds until a tick is due that is early; undefined if the clock of this replica must be wrong. */
export function pauseUntilDue(by: number): number | undefined {
  return by <= LONGEST_WAIT_FOR_TICK ? by : undefined;
}

/** Milliseconds that are left to wait; 0 when the time is over. */
export function timeLeft({ since, wait, standsBy }: WaitLimits, seen: Seen, now: number): number {
  if (standsBy || wait === 0) return Infinity;
  // The first request has LEAST_PATIENCE, also for the calls behind it in the queue of this process.
  const left = since + Math.max(wait, isNothing(seen) ? LEAST_PATIENCE : 0) - now;
  return left > TIMER_PRECISION ? left : 0;
}

/** Milliseconds for which one answer is waited for. A call that does not wait for others waits for that all the same. */
export function patienceFor({ since, wait, standsBy }: WaitLimits, now: number): number {
  if (wait === 0 || standsBy) return Infinity;
  return Math.max(LEAST_PATIENCE, since + wait - now);
}

/**
 * Until when a run that does not wait asks a store that is away, on the keeper's clock; undefined if it asks once. A tick
 * is late until the next one is due, which has a call of its own.
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
 * The tick that a replica claims when the store's clock is ahead of its own: the one that is due next by the store's
 * clock, if that is soon, so that one of the past does not stand in its way; else the one that it was called for. A store
 * could not decide that by itself: a clock may be behind by many ticks, and only the replica knows the schedule.
 */
export function tickInStep(
  time: number,
  following: (moment: Date) => Date | undefined,
  storeNow: number,
  replicaNow: number,
): number {
  // What came late but was asked for by a right clock is no reason to pass over a tick.
  if (storeNow - replicaNow <= BEHIND_TOLERANCE) return time;
  const next = following(new Date(storeNow))?.getTime() ?? Number.NaN;
  // What is due already and nearer than the next one is the tick of now.
  return next - storeNow <= Math.min(LONGEST_WAIT_FOR_TICK, storeNow - time) ? next : time;
}

/** Whether the holder runs the very tick that is to be run again if the holder dies. */
export function runsTheSameTick(claim: Claim | undefined, holder: Holder): boolean {
  return claim?.kind === 'tick' && claim.rerun && describeClaim(claim) === holder.occurrence;
}
