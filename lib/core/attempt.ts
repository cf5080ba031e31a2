import { wallTime, type Clock } from '../common/clock.js';
import type { LockLogger } from '../common/logger.js';
import { Pause } from '../common/pause.js';
import type { Claim, Turn } from '../stores/lock-store.js';
import type { Answer } from './granter.js';
import type { LeaseTimes } from './lease-options.js';
import type { LocalLines, LocalPlace } from './local-lines.js';
import { Waiting, type InLine, type Unanswered } from './waiting.js';

/** One acquisition, whatever number of questions it takes. All durations are milliseconds. */
export interface Wanted extends LeaseTimes {
  readonly name: string;
  readonly contents: unknown;
  readonly claim: Claim | undefined;
  /** A tick, or what a scheduler or Nest calls: a shutdown refuses it first, and waits for it first. */
  readonly scheduled: boolean;
  /** The first tick after a moment; see `TickOccurrence`. */
  readonly following?: ((moment: Date) => Date | undefined) | undefined;
  /** 0: does not wait for others. */
  readonly wait: number;
  /** For how long the store is asked again while it is away, by who does not wait; undefined: not at all. */
  readonly retryFor?: number | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
  /** Where what becomes of it is logged, if not where all is. */
  readonly logger?: LockLogger | undefined;
}

/** What is known of one acquisition from its beginning to its end. */
export class Attempt {
  readonly since: number;
  readonly waiting: Waiting;
  /** Aborts when the shutdown refuses it. */
  readonly refusal: AbortSignal;
  /** Whether it stands in line where others have the lock. */
  readonly queues: boolean;
  /** Among those of this process who wait for the lock; undefined where it does not wait behind them. */
  place: LocalPlace | undefined;
  /** Under which the store may know it; changed when the store was told to forget that. */
  record: string | undefined;
  /** Whether the store may have put it in line. */
  mayBeInLine = false;
  /** Its place there, by the last answer. */
  inLine: InLine | undefined;
  /** What the store has told since then. */
  turn: Turn | undefined;
  /** The question whose answer the caller may not stay for. */
  underWay: Promise<Answer> | undefined;
  /** The store is still to be told that a question is void: until then it may take the run for one that was begun. */
  undoing = false;
  /** Unsubscribes from grant notifications; undefined until it is the first of this process. */
  unwatch: (() => void) | undefined;
  /** Whether it had to wait for another holder. */
  waited = false;
  /** Whether the store was away for a while. */
  wasAway = false;

  readonly #wanted: Wanted;
  readonly #clock: Clock;
  #pause: Pause | undefined;

  constructor(wanted: Wanted, refusal: AbortSignal, clock: Clock) {
    this.#wanted = wanted;
    this.#clock = clock;
    this.refusal = refusal;
    this.queues = wanted.wait > 0;
    this.since = clock.now();
    const { name, wait, retryFor } = wanted;
    const retry = retryFor === undefined ? undefined : () => this.#retryUntil(retryFor);
    this.waiting = new Waiting(name, wait, this.since, clock, retry);
  }

  /** Made when first needed: most acquisitions are answered at once. */
  get pause(): Pause {
    const { signal } = this.#wanted;
    this.#pause ??= new Pause(this.#clock, { signals: signal ? [this.refusal, signal] : [this.refusal] });
    return this.#pause;
  }

  /**
   * Waits behind those of this process who came before. Who waits for a run has a place of its own at the store, and asks
   * now and then whether others have done it.
   */
  standIn(lines: LocalLines): void {
    if (this.queues && !this.#wanted.claim) this.place = lines.enter(this.#wanted.name, this.pause);
  }

  /** Keeps what the store has answered to a question. */
  note(answer: Answer): void {
    const { status } = answer;
    const { holder } = this.waiting.seen;
    const failure = isUnavailable(answer) ? answer.error : undefined;
    this.wasAway ||= failure !== undefined;
    if (isBusy(answer)) this.mayBeInLine = this.queues;
    else if (status === 'acquired') this.mayBeInLine = false;
    this.inLine = status === 'skipped' ? answer.inLine : undefined;
    this.waiting.seen = { holder: isBusy(answer) ? answer.holder : holder, failure };
    if (this.place) this.place.seen = this.waiting.seen;
    // It names the run that it is for.
    if (status === 'behind' || (status !== 'acquired' && answer.spent)) this.#forget();
    if (isUnavailable(answer) && answer.undone) this.#awaitUndo(answer.undone);
  }

  /** When it is over, on the keeper's clock: the next tick has a call of its own. */
  #retryUntil(retryFor: number): number {
    const { claim, following } = this.#wanted;
    const next = claim?.kind === 'tick' ? following?.(new Date(claim.time)) : undefined;
    const untilNext = next ? next.getTime() - wallTime(this.#clock) : Infinity;
    return Math.min(this.since + retryFor, this.#clock.now() + untilNext);
  }

  /** What was undone is not granted any more. */
  #awaitUndo(undone: Promise<void>): void {
    this.#forget();
    this.undoing = true;
    void undone.then(() => {
      this.undoing = false;
      this.pause.wake();
    });
  }

  #forget(): void {
    this.record = undefined;
    this.mayBeInLine = false;
  }
}

function isBusy(answer: Answer): answer is Extract<Unanswered, { reason: 'busy' }> {
  return answer.status === 'skipped' && answer.reason === 'busy';
}

function isUnavailable(answer: Answer): answer is Extract<Unanswered, { reason: 'store-unavailable' }> {
  return answer.status === 'skipped' && answer.reason === 'store-unavailable';
}
