import { wallTime, type Clock } from '../common/clock.js';
import { LockStoreError, type LockLostError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { pause } from '../common/pause.js';
import { BEHIND_TOLERANCE, type AcquireReply, type Claim } from '../stores/lock-store.js';
import { ClockWatch } from './clock-watch.js';
import { parseHolder, type HolderIdentity } from './holder.js';
import type { LeaseKeeper } from './lease-keeper.js';
import type { LeaseTimes } from './lease-options.js';
import { HeldLease, type LeaseTerms } from './lease.js';
import type { LockEvents } from './lock-events.js';
import type { LockReturner } from './lock-returner.js';
import { describeClaim } from './occurrence.js';
import type { Skipped } from './outcome.js';
import type { Shutdown } from './shutdown.js';
import { LONGEST_WAIT_FOR_TICK, Waiting, type Early } from './waiting.js';
import type { WatchedStore } from './watched-store.js';

/** A lock that was granted so late that less than this part of its TTL is left is given back. */
const LEAST_LEFT = 1 / 3;

/** One acquisition, whatever number of attempts it takes. All durations are milliseconds. */
export interface Wanted extends LeaseTimes {
  readonly name: string;
  readonly contents: unknown;
  readonly claim: Claim | undefined;
  /** The first tick after a moment; see `TickOccurrence`. */
  readonly following?: ((moment: Date) => Date | undefined) | undefined;
  /** 0: does not wait for others. */
  readonly wait: number;
}

interface Acquired {
  readonly status: 'acquired';
  readonly lease: HeldLease;
}

export type Acquisition = Acquired | Skipped;

/** What the acquirer works with. */
export interface AcquirerParts {
  readonly store: WatchedStore;
  readonly clock: Clock;
  readonly keeper: LeaseKeeper;
  readonly returner: LockReturner;
  readonly shutdown: Shutdown;
  readonly events: LockEvents;
  readonly identity: HolderIdentity;
  readonly commandTimeout: number;
  readonly logger: LockLogger;
}

/** Turns what is wanted into a lease that is kept, or into the reason why there is none. */
export class Acquirer {
  readonly #parts: AcquirerParts;
  readonly #clockWatch: ClockWatch;

  constructor(parts: AcquirerParts) {
    this.#parts = parts;
    this.#clockWatch = new ClockWatch(parts.logger);
  }

  /** Asks the store, and again while there is something to wait for: a tick that is early, a lock that is held. */
  async acquire(asked: Wanted): Promise<Acquisition> {
    const { clock, shutdown } = this.#parts;
    const { name, claim } = asked;
    let wanted = asked;
    const since = clock.now();
    const waiting = new Waiting(name, wanted.wait, clock);
    // The scheduler goes on calling while an application shuts down.
    const scheduled = claim?.kind === 'tick' || claim?.kind === 'gap';
    for (;;) {
      if (shutdown.refuses(scheduled)) return this.#skip(wanted, since, { reason: 'shutting-down' });
      const answer = await shutdown.whileAsking(() => this.#attempt(wanted, since));
      if (answer.status === 'acquired') return answer;
      if (answer.status === 'behind') {
        wanted = inStep(wanted, answer);
        continue;
      }
      const delay = waiting.after(answer, wanted.claim);
      if (delay === undefined) {
        return this.#skip(wanted, since, answer.status === 'early' ? { reason: 'early' } : answer);
      }
      await pause(delay, { clock, signal: shutdown.refusal(scheduled), ref: true });
    }
  }

  async #attempt(wanted: Wanted, since: number): Promise<Acquired | Skipped | Early | Behind> {
    const { store, clock, returner, identity, commandTimeout } = this.#parts;
    const { name, ttl, contents } = wanted;
    // A token of its own for each attempt: one that was given up is undone, and must not be granted any more.
    const record = identity.newRecord(contents, wanted.claim && describeClaim(wanted.claim));
    const within = Math.round(Math.min(commandTimeout, ttl * (1 - LEAST_LEFT)));
    const [askedAt, wallBefore] = [clock.now(), wallTime(clock)];
    const claim =
      wanted.following && wanted.claim?.kind === 'tick'
        ? { ...wanted.claim, askedAt: wallBefore }
        : wanted.claim;
    let reply: AcquireReply;
    try {
      reply = await store.acquire({ name, ttl, claim, record }, within);
    } catch (error) {
      if (!(error instanceof LockStoreError)) throw error;
      if (error.mayHaveRun) void returner.undo({ name, record });
      return { status: 'skipped', reason: 'store-unavailable', error };
    }
    if (claim) this.#compareClocks(name, claim, reply, wallBefore);
    switch (reply.status) {
      case 'granted': {
        const acquired = this.#granted({ ...wanted, record, fence: reply.fence }, askedAt);
        if (acquired.status === 'acquired') this.#tellAcquired(acquired.lease, since, reply.now);
        return acquired;
      }
      case 'busy': {
        const { remaining } = reply;
        return { status: 'skipped', reason: 'busy', holder: parseHolder(reply.record), remaining };
      }
      case 'done':
        return { status: 'skipped', reason: 'done' };
      case 'behind':
        return { ...reply, replicaNow: wallTime(clock) };
      case 'early':
        return reply;
    }
  }

  #granted(terms: LeaseTerms, askedAt: number): Acquired | Skipped {
    const { clock, keeper, returner, shutdown } = this.#parts;
    const { name, ttl } = terms;
    const elapsed = clock.now() - askedAt;
    if (ttl - elapsed < ttl * LEAST_LEFT) {
      void returner.undo(terms);
      const error = new LockStoreError(messages.answeredTooLate(name, elapsed, ttl), { mayHaveRun: true });
      return { status: 'skipped', reason: 'store-unavailable', error };
    }
    const lease: HeldLease = new HeldLease(terms, askedAt, clock, {
      giveBack: () => this.#giveBack(lease),
      lost: (error) => this.#lost(lease, error),
    });
    keeper.keep(lease);
    shutdown.entered(lease);
    return { status: 'acquired', lease };
  }

  async #giveBack(lease: HeldLease): Promise<void> {
    const { keeper, returner, shutdown, events } = this.#parts;
    keeper.drop(lease);
    try {
      const reply = await returner.giveBack(lease);
      if (reply === 'taken' || reply === 'vanished') lease.lose(reply);
      else events.emit(() => ({ type: 'released', ...lease.identity, held: lease.age }));
    } finally {
      shutdown.left(lease);
    }
  }

  #lost(lease: HeldLease, error: LockLostError): void {
    const { logger, events } = this.#parts;
    logger.warn(error.message);
    events.emit(() => ({ type: 'lost', ...lease.identity, error, held: lease.age }));
  }

  #compareClocks(name: string, claim: Claim, reply: AcquireReply, wallBefore: number): void {
    const wallAfter = wallTime(this.#parts.clock);
    if (reply.status === 'early' && reply.by > LONGEST_WAIT_FOR_TICK && claim.kind === 'tick')
      this.#clockWatch.tooEarly(name, reply.by, claim.time, wallAfter);
    else if (reply.now !== undefined) this.#clockWatch.observe(wallBefore, wallAfter, reply.now);
  }

  #tellAcquired(lease: HeldLease, since: number, storeNow: number | undefined): void {
    const { clock, events } = this.#parts;
    const tick = lease.tick?.getTime();
    events.emit(() => ({
      type: 'acquired',
      ...lease.identity,
      waited: clock.now() - since,
      late: tick !== undefined && storeNow !== undefined ? Math.max(0, storeNow - tick) : undefined,
    }));
  }

  #skip({ name, claim }: Wanted, since: number, why: WithoutStatus<Skipped>): Skipped {
    const { clock, events, logger } = this.#parts;
    const skipped = { ...why, status: 'skipped' } as const;
    logger.debug(messages.skipped(name, skipped));
    events.emit(() => ({
      type: 'skipped',
      name,
      occurrence: claim && describeClaim(claim),
      reason: skipped.reason,
      waited: clock.now() - since,
      holder: skipped.reason === 'busy' ? skipped.holder : undefined,
      error: skipped.reason === 'store-unavailable' ? skipped.error : undefined,
    }));
    return skipped;
  }
}

/** The store's clock is later than the replica's, or the question was long on its way. */
interface Behind {
  readonly status: 'behind';
  readonly now?: number | undefined;
  readonly replicaNow: number;
}

/**
 * What to ask for instead, without asking again whether the clock is behind: the tick that is due next by the store's
 * clock where that is soon, so that one of the past does not stand in its way; else the same.
 */
function inStep({ following, ...wanted }: Wanted, { now, replicaNow }: Behind): Wanted {
  const { claim } = wanted;
  // What came late but was asked for by a right clock is no reason to pass over a tick.
  if (claim?.kind !== 'tick' || now === undefined || now - replicaNow <= BEHIND_TOLERANCE) return wanted;
  const next = following?.(new Date(now))?.getTime();
  if (next === undefined || next - now > LONGEST_WAIT_FOR_TICK) return wanted;
  return { ...wanted, claim: { ...claim, time: next } };
}

type WithoutStatus<T> = T extends unknown ? Omit<T, 'status'> : never;
