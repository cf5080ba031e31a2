import type { LockStoreError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import { messages } from '../common/messages.js';
import { Pause } from '../common/pause.js';
import { BEHIND_TOLERANCE, type Claim, type Turn } from '../stores/lock-store.js';
import { Granter, type Acquired, type Answer, type Behind, type GranterParts } from './granter.js';
import type { HolderIdentity } from './holder.js';
import type { LeaseTimes } from './lease-options.js';
import { LocalLines, type LocalPlace } from './local-lines.js';
import { describeClaim } from './occurrence.js';
import type { Skipped } from './outcome.js';
import { LONGEST_WAIT_FOR_TICK, Waiting, type InLine, type Unanswered } from './waiting.js';

/** One acquisition, whatever number of questions it takes. All durations are milliseconds. */
export interface Wanted extends LeaseTimes {
  readonly name: string;
  readonly contents: unknown;
  readonly claim: Claim | undefined;
  /** The first tick after a moment; see `TickOccurrence`. */
  readonly following?: ((moment: Date) => Date | undefined) | undefined;
  /** 0: does not wait for others. */
  readonly wait: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

export type Acquisition = Acquired | Skipped;

/** What the acquirer works with. */
export interface AcquirerParts extends GranterParts {
  readonly identity: HolderIdentity;
}

/** What belongs to one acquisition from its beginning to its end. */
interface Attempt {
  readonly since: number;
  readonly waiting: Waiting;
  readonly pause: Pause;
  /** Aborts when the shutdown refuses it. */
  readonly refusal: AbortSignal;
  /** Among those of this process who wait for the lock; undefined where it does not wait in line. */
  readonly place: LocalPlace | undefined;
  /** Under which the store may know it; changed when the store was told to forget that. */
  record: string | undefined;
  /** Whether the store may have put it in line. */
  mayBeInLine: boolean;
  /** Its place there, by the last answer. */
  inLine: InLine | undefined;
  /** What the store has told since then. */
  turn: Turn | undefined;
  /** Why the store is still to be told that a question is void: until then it may take the run for one that was begun. */
  undoing: LockStoreError | undefined;
  /** Ends that it is told when it may be its turn; undefined until it is the first of this process. */
  unwatch: (() => void) | undefined;
  /** Whether it had to wait for another holder. */
  waited: boolean;
  /** Who was seen holding the lock last. */
  holder: Holder | undefined;
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
    const since = this.#parts.clock.now();
    // To its end: a place in line is given up before the store is closed.
    const acquisition = await this.#parts.shutdown.whileAsking(() => this.#seek(wanted, since));
    if (acquisition.status === 'acquired') this.#tellAcquired(acquisition, since);
    else this.#tellSkipped(wanted, acquisition, since);
    return acquisition;
  }

  async #seek(wanted: Wanted, since: number): Promise<Acquisition> {
    const { clock, shutdown, returner } = this.#parts;
    const { name, ttl, claim, signal } = wanted;
    // The scheduler goes on calling while an application shuts down.
    const refusal = shutdown.refusal(claim?.kind === 'tick');
    const pause = new Pause(clock, { signals: signal ? [refusal, signal] : [refusal] });
    // Who waits for a run of others is not in line: it wants to know when that is done, not to have the lock.
    const queues = wanted.wait > 0 && !claim;
    const attempt: Attempt = {
      since,
      waiting: new Waiting(name, wanted.wait, since, clock),
      pause,
      refusal,
      place: queues ? this.#lines.enter(name, pause) : undefined,
      record: undefined,
      mayBeInLine: false,
      inLine: undefined,
      turn: undefined,
      undoing: undefined,
      unwatch: undefined,
      waited: false,
      holder: undefined,
    };
    let granted = false;
    try {
      const acquisition = await this.#askOn(wanted, attempt);
      granted = acquisition.status === 'acquired';
      return acquisition;
    } finally {
      attempt.unwatch?.();
      attempt.place?.leave();
      const { record, mayBeInLine, waited } = attempt;
      if (record !== undefined && mayBeInLine) void returner.leave({ name, record, ttl });
      if (waited) this.#tellWaited(wanted, attempt, granted);
    }
  }

  async #askOn(asked: Wanted, attempt: Attempt): Promise<Acquisition> {
    const { signal } = asked;
    const { place, pause, waiting, refusal } = attempt;
    let wanted = asked;
    for (;;) {
      signal?.throwIfAborted();
      if (refusal.aborted) return { status: 'skipped', reason: 'shutting-down' };
      if (place && !place.isFirst) {
        attempt.waited = true;
        const { holder, failure } = place.seen;
        attempt.holder = holder;
        await pause.for(waiting.left(holder, failure));
        continue;
      }
      if (place) this.#watch(asked.name, attempt);
      if (attempt.undoing) {
        await pause.for(waiting.left(undefined, attempt.undoing));
        continue;
      }
      const answer = this.#takeTurn(wanted, attempt) ?? (await this.#ask(wanted, attempt));
      if (answer.status === 'acquired') return this.#unlessAborted(answer, signal);
      if (answer.status === 'behind') {
        wanted = inStep(wanted, answer);
        continue;
      }
      const ms = waiting.after(answer, wanted.claim);
      if (ms === undefined) return asOutcome(answer);
      attempt.waited ||= answer.status === 'skipped';
      await pause.for(ms);
    }
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
    if (!turn || turn.record !== record || inLine?.lastFence === undefined) return undefined;
    // It may have been over before the last question, and this message late.
    if (turn.fence <= inLine.lastFence) return undefined;
    const acquired = this.#granter.takeTurn({ ...wanted, record }, turn, inLine.askedAt);
    if (acquired) attempt.mayBeInLine = false;
    return acquired;
  }

  async #ask(wanted: Wanted, attempt: Attempt): Promise<Answer> {
    const { identity, clock } = this.#parts;
    const { name, contents, claim, following, ttl, renewEvery, maxHold } = wanted;
    const { place, since, waiting } = attempt;
    const record = (attempt.record ??= identity.newRecord(contents, claim && describeClaim(claim)));
    const waited = place && clock.now() - since;
    const mayBeBehind = following !== undefined;
    const within = waiting.longestQuestion;
    const question = { name, record, ttl, renewEvery, maxHold, claim, mayBeBehind, waited, within };
    const answer = await this.#granter.ask(question);
    const { status } = answer;
    attempt.inLine = status === 'skipped' ? answer.inLine : undefined;
    if (status === 'acquired' || (status === 'skipped' && answer.reason === 'busy')) {
      attempt.mayBeInLine = status === 'skipped' && place !== undefined;
      if (status === 'skipped') attempt.holder = answer.holder;
    }
    if (place) place.seen = isUnavailable(answer) ? { failure: answer.error } : { holder: attempt.holder };
    // It names the run that it is for.
    if (status === 'behind' || (status !== 'acquired' && answer.spent)) {
      attempt.record = undefined;
      attempt.mayBeInLine = false;
    }
    if (isUnavailable(answer) && answer.undone) this.#awaitUndo(attempt, answer.error, answer.undone);
    return answer;
  }

  /** What was undone is not granted any more. */
  #awaitUndo(attempt: Attempt, error: LockStoreError, undone: Promise<void>): void {
    attempt.record = undefined;
    attempt.mayBeInLine = false;
    attempt.undoing = error;
    void undone.then(() => {
      attempt.undoing = undefined;
      attempt.pause.wake();
    });
  }

  /** The caller has gone while the store was asked. */
  async #unlessAborted(acquired: Acquired, signal: AbortSignal | undefined): Promise<Acquired> {
    if (signal?.aborted) await acquired.lease.release();
    signal?.throwIfAborted();
    return acquired;
  }

  #tellWaited({ name, claim }: Wanted, { since, holder }: Attempt, granted: boolean): void {
    const { clock, events } = this.#parts;
    const occurrence = claim && describeClaim(claim);
    events.emit(() => ({ type: 'waited', name, occurrence, waited: clock.now() - since, holder, granted }));
  }

  #tellAcquired({ lease, now }: Acquired, since: number): void {
    const { clock, events } = this.#parts;
    const tick = lease.tick?.getTime();
    events.emit(() => ({
      type: 'acquired',
      ...lease.identity,
      waited: clock.now() - since,
      late: tick !== undefined && now !== undefined ? Math.max(0, now - tick) : undefined,
    }));
  }

  #tellSkipped({ name, claim }: Wanted, skipped: Skipped, since: number): void {
    const { clock, events, logger } = this.#parts;
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
  }
}

function isUnavailable(answer: Answer): answer is Extract<Unanswered, { reason: 'store-unavailable' }> {
  return answer.status === 'skipped' && answer.reason === 'store-unavailable';
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
