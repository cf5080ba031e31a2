import { LockTimeoutError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { Pause } from '../common/pause.js';
import { BEHIND_TOLERANCE } from '../stores/lock-store.js';
import { Attempt, type Wanted } from './attempt.js';
import {
  Granter,
  type Acquired,
  type Answer,
  type Behind,
  type GranterParts,
  type Question,
} from './granter.js';
import type { HolderIdentity } from './holder.js';
import { LocalLines } from './local-lines.js';
import { describeClaim } from './occurrence.js';
import type { Skipped } from './outcome.js';
import { LONGEST_WAIT_FOR_TICK, type Unanswered } from './waiting.js';

export type Acquisition = Acquired | Skipped;

/** A store that takes longer to answer than this was away meanwhile, in milliseconds. */
const LONG_ASKED = 1000;

/** What the acquirer works with. */
export interface AcquirerParts extends GranterParts {
  readonly identity: HolderIdentity;
}

/** Turns what is wanted into a lease that is kept, or into the reason why there is none. */
export class Acquirer {
  readonly #parts: AcquirerParts;
  readonly #granter: Granter;
  readonly #lines = new LocalLines();

  constructor(parts: AcquirerParts) {
    this.#parts = parts;
    this.#granter = new Granter(parts);
  }

  /**
   * Asks the store, and again while there is something to wait for: a tick that is early, a lock that is held.
   *
   * @throws LockTimeoutError when the time to wait for others is over; the reason of the signal when that aborts
   */
  async acquire(wanted: Wanted): Promise<Acquisition> {
    const { clock, shutdown } = this.#parts;
    // The scheduler goes on calling while an application shuts down.
    const refusal = shutdown.refusal(wanted.scheduled);
    const attempt = new Attempt(wanted, refusal, clock);
    attempt.standIn(this.#lines);
    let acquisition: Acquisition | undefined;
    shutdown.askingBegins();
    try {
      acquisition = await this.#askOn(wanted, attempt);
    } catch (error) {
      // Also where the first answer came when the time was over.
      attempt.waited ||= error instanceof LockTimeoutError;
      throw error;
    } finally {
      attempt.unwatch?.();
      attempt.place?.leave();
      if (attempt.waited) this.#tellWaited(wanted, attempt, acquisition?.status === 'acquired');
      if (attempt.underWay) void this.#withdraw(wanted, attempt, attempt.underWay);
      else this.#leave(wanted, attempt);
    }
    if (acquisition.status === 'acquired') this.#tellAcquired(wanted, acquisition, attempt);
    else this.#tellSkipped(wanted, acquisition, attempt);
    return acquisition;
  }

  /** Discards the reply to a question whose caller has given up. */
  async #withdraw(wanted: Wanted, attempt: Attempt, underWay: Promise<Answer>): Promise<void> {
    // Nobody is left to be told of an error.
    const answer = await underWay.catch(() => undefined);
    if (answer) attempt.note(answer);
    if (answer?.status === 'acquired') answer.lease.annul();
    this.#leave(wanted, attempt);
  }

  #leave({ name, ttl }: Wanted, { record, mayBeInLine }: Attempt): void {
    const { returner, shutdown } = this.#parts;
    if (record !== undefined && mayBeInLine) void returner.leave({ name, record, ttl });
    // Last: a place in line is given up before the store is closed.
    shutdown.askingEnds();
  }

  async #askOn(asked: Wanted, attempt: Attempt): Promise<Acquisition> {
    const { signal } = asked;
    const { waiting, refusal } = attempt;
    const { clock } = this.#parts;
    let wanted = asked;
    let unanswered: Unanswered | undefined;
    for (;;) {
      signal?.throwIfAborted();
      if (refusal.aborted) return shutDown(attempt);
      const heldUp = this.#heldUp(asked.name, attempt);
      if (heldUp !== undefined) {
        // Not said to be late by who waits: that is thrown.
        if (heldUp === 0 && unanswered) return asOutcome(unanswered);
        await attempt.pause.for(heldUp);
        continue;
      }
      const askedAt = asked.retryFor ? clock.now() : undefined;
      const answer = this.#takeTurn(wanted, attempt) ?? (await this.#ask(wanted, attempt));
      attempt.note(answer);
      if (askedAt !== undefined && clock.now() - askedAt > LONG_ASKED) attempt.wasAway = true;
      // The shutdown waits for scheduled work that runs, and not for what would begin now: nothing does.
      const tooLate = wanted.scheduled && refusal.aborted;
      if (answer.status === 'acquired') {
        if (!tooLate && !signal?.aborted) return answer;
        answer.lease.annul();
        if (tooLate) this.#tellTooLate(wanted);
        continue;
      }
      if (tooLate) continue;
      if (answer.status === 'behind') {
        wanted = inStep(wanted, answer);
        continue;
      }
      const ms = waiting.after(answer, wanted.claim);
      if (ms === undefined) return asOutcome(answer);
      unanswered = answer;
      attempt.waited ||= answer.status === 'skipped';
      await attempt.pause.for(ms);
    }
  }

  /** Milliseconds to wait before the store may be asked; undefined where it may be now. */
  #heldUp(name: string, attempt: Attempt): number | undefined {
    const { place, waiting, undoing } = attempt;
    // Also by the first: it may have just become that, and what was seen before is what it waits for.
    if (place) waiting.seen = place.seen;
    if (place && !place.isFirst) {
      attempt.waited = true;
      return waiting.left();
    }
    if (attempt.queues) this.#watch(name, attempt);
    return undoing ? waiting.left() : undefined;
  }

  #watch(name: string, attempt: Attempt): void {
    attempt.unwatch ??= this.#parts.store.watch(name, (turn) => {
      if (turn) attempt.turn = turn;
      attempt.pause.wake();
    });
  }

  /** The lock, where the store has given it to this acquisition since it was asked last. */
  #takeTurn(wanted: Wanted, attempt: Attempt): Acquired | undefined {
    const { turn, inLine, record } = attempt;
    attempt.turn = undefined;
    // Of a run, only the store can say that it was not run while this one stood in line.
    if (wanted.claim || !turn || turn.record !== record || inLine?.lastToken === undefined) return undefined;
    // It may have been over before the last question, and this message late.
    if (turn.fencingToken <= inLine.lastToken) return undefined;
    return this.#granter.takeTurn({ ...wanted, record }, turn, inLine.askedAt);
  }

  /** @throws LockTimeoutError when the caller's time is over; the reason of its signal when that aborts */
  async #ask(wanted: Wanted, attempt: Attempt): Promise<Answer> {
    const { waiting, waited } = attempt;
    // Throws when the time is over: the store is not asked again.
    if (waited) waiting.left();
    const { patience } = waiting;
    const { signal } = wanted;
    const asked = this.#granter.ask(this.#question(wanted, attempt));
    if (patience === Infinity && !signal) return asked;
    const pause = new Pause(this.#parts.clock, { signals: signal ? [signal] : [] });
    const settled = (): void => {
      attempt.underWay = undefined;
      pause.wake();
    };
    attempt.underWay = asked;
    asked.then(settled, settled);
    await pause.for(patience);
    if (attempt.underWay !== asked) return asked;
    signal?.throwIfAborted();
    throw waiting.timeout();
  }

  #question(wanted: Wanted, attempt: Attempt): Question {
    const { identity, clock } = this.#parts;
    const { name, contents, claim, scheduled, following, ttl, renewEvery, maxHold, logger } = wanted;
    const { queues, since } = attempt;
    const record = (attempt.record ??= identity.newRecord(contents, claim && describeClaim(claim)));
    const waited = queues ? clock.now() - since : undefined;
    const mayBeBehind = following !== undefined;
    return { name, record, ttl, renewEvery, maxHold, claim, scheduled, mayBeBehind, waited, logger };
  }

  #tellWaited({ name, claim }: Wanted, { since, waiting }: Attempt, granted: boolean): void {
    const { clock, events } = this.#parts;
    const { holder } = waiting.seen;
    const occurrence = claim && describeClaim(claim);
    const waited = Math.round(clock.now() - since);
    events.emit(() => ({ type: 'waited', name, occurrence, waited, holder, granted }));
  }

  #tellAcquired(wanted: Wanted, { lease, now }: Acquired, { since, wasAway }: Attempt): void {
    const { clock, events, logger } = this.#parts;
    const tick = lease.tick?.getTime();
    const late = tick !== undefined && now !== undefined ? Math.max(0, Math.round(now - tick)) : undefined;
    const waited = Math.round(clock.now() - since);
    events.emit(() => ({ type: 'acquired', ...lease.identity, waited, late }));
    const { claim, retryFor } = wanted;
    // An interval has no moment to be late for.
    if (wasAway && retryFor !== undefined && claim && claim.kind !== 'gap')
      logger.log(messages.ranLate(lease.name, describeClaim(claim), late ?? waited));
  }

  /** Whoever was told meanwhile that the tick is done does not ask again. All other runs have another call, or are awaited. */
  #tellTooLate({ name, claim }: Wanted): void {
    if (claim?.kind === 'tick') this.#parts.logger.warn(messages.grantedTooLate(name, describeClaim(claim)));
  }

  #tellSkipped({ name, claim }: Wanted, skipped: Skipped, { since }: Attempt): void {
    const { clock, events, logger } = this.#parts;
    logger.debug(messages.skipped(name, skipped));
    events.emit(() => ({
      type: 'skipped',
      name,
      occurrence: claim && describeClaim(claim),
      reason: skipped.reason,
      waited: Math.round(clock.now() - since),
      holder: skipped.reason === 'busy' ? skipped.holder : undefined,
      error: 'error' in skipped ? skipped.error : undefined,
    }));
  }
}

/** Says so of the store if that is what the run has waited for. */
function shutDown({ wasAway, waiting }: Attempt): Skipped {
  const error = wasAway ? waiting.seen.failure : undefined;
  return { status: 'skipped', reason: 'shutting-down', ...(error && { error }) };
}

function asOutcome(answer: Unanswered): Skipped {
  if (answer.status === 'early') return { status: 'skipped', reason: 'early' };
  if (!('inLine' in answer || 'undone' in answer)) return answer;
  const { inLine: _, undone: __, spent: ___, ...skipped } = answer;
  return skipped;
}

/**
 * What to ask for instead, without asking again whether the clock is behind: the tick that is due next by the store's
 * clock where that is soon, so that one of the past does not stand in its way; else the same.
 */
function inStep({ following, ...wanted }: Wanted, { now, replicaNow }: Behind): Wanted {
  const { claim } = wanted;
  // What came late but was asked for by a right clock is no reason to pass over a tick.
  if (claim?.kind !== 'tick' || now === undefined || now - replicaNow <= BEHIND_TOLERANCE) return wanted;
  const next = following?.(new Date(now))?.getTime() ?? Number.NaN;
  // What is due already and nearer than the next one is the tick of now.
  if (!(next - now <= Math.min(LONGEST_WAIT_FOR_TICK, now - claim.time))) return wanted;
  return { ...wanted, claim: { ...claim, time: next } };
}
