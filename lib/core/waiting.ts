import type { Clock } from '../common/clock.js';
import { LockStoreError, LockTimeoutError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import { messages } from '../common/messages.js';
import type { AcquireReply, Claim } from '../stores/lock-store.js';
import { describeClaim } from './occurrence.js';
import type { Skipped } from './outcome.js';

/** A tick further ahead of the store's clock than this is a wrong clock, not a fast one. */
export const LONGEST_WAIT_FOR_TICK = 60_000;
/** Milliseconds between two questions while another holds the lock and nobody tells when it is free. */
const POLL = 100;
/** The same where the store tells when it is the caller's turn: should a message be lost. */
const SLOW_POLL = 2000;
/** Milliseconds between two questions while the store does not answer. */
const POLL_OUTAGE = 250;
/** Milliseconds by which a timer may fire early: what is left then is nothing. */
const TIMER_PRECISION = 2;
/** Milliseconds that a question is waited for at least, also when the time to wait is over. */
const LEAST_PATIENCE = 250;

export type Early = Extract<AcquireReply, { status: 'early' }>;

export type Unanswered = (Skipped | Early) & AnswerDetails;

/** A place in the line that the store keeps. */
export interface InLine {
  /** The moment before the question that was answered with it, on the keeper's clock. */
  readonly askedAt: number;
  /** Every grant after that answer has a higher one; undefined where the store tells no turns. */
  readonly lastToken: number | undefined;
}

/** What the acquirer needs to know of an answer besides. */
export interface AnswerDetails {
  /** The store tells when it is the caller's turn. */
  readonly inLine?: InLine | undefined;
  /** The record must not be used again. */
  readonly spent?: boolean;
  /** Settles when the store has been told that the question is void, which it may have answered. */
  readonly undone?: Promise<void>;
}

/** Why an acquisition waits. */
export interface Seen {
  /** Who held the lock when that was last told. */
  readonly holder?: Holder | undefined;
  /** Why the store could not be asked since then. */
  readonly failure?: LockStoreError | undefined;
}

/** As long as nothing was answered to anybody in line. */
export const isNothing = ({ holder, failure }: Seen): boolean => !holder && !failure;

/** What one acquisition does with an answer that is no grant: asks again after a while, or takes it for an answer. */
export class Waiting {
  /** What the store has told of the lock at last, to this one or to those before it in line. */
  seen: Seen = {};
  readonly #name: string;
  readonly #wait: number;
  readonly #clock: Clock;
  readonly #since: number;
  readonly #retry: (() => number) | undefined;
  /** Until when the store is asked again that is away; looked for when it is. */
  #retryUntil: number | undefined;
  /** Another replica was seen running this very tick, and may die. */
  #standingBy = false;

  /**
   * `wait` in milliseconds, from `since` on the clock; 0: does not wait for others. `retry` tells until when one who does
   * not wait asks a store again that is away.
   */
  constructor(name: string, wait: number, since: number, clock: Clock, retry?: () => number) {
    this.#name = name;
    this.#wait = wait;
    this.#since = since;
    this.#clock = clock;
    this.#retry = wait === 0 ? retry : undefined;
  }

  /**
   * Milliseconds after which to ask again; undefined where the answer stands.
   *
   * @throws LockTimeoutError when the time to wait for others is over
   */
  after(answer: Unanswered, claim: Claim | undefined): number | undefined {
    if (answer.status === 'early') return answer.by <= LONGEST_WAIT_FOR_TICK ? answer.by : undefined;
    switch (answer.reason) {
      case 'busy':
        this.#standingBy ||= isRerunOf(claim, answer.holder.occurrence);
        // The lock is free when it has expired, unless it was renewed: then, and not a little before.
        return this.#unlessOver(Math.min(answer.inLine ? SLOW_POLL : POLL, answer.remaining + 1));
      case 'store-unavailable':
        return this.#retry ? this.#unlessLate() : this.#unlessOver(POLL_OUTAGE);
      case 'done':
      case 'early':
      case 'shutting-down':
        return undefined;
    }
  }

  /**
   * Milliseconds that are left to wait for others; for a store that is away where it does not wait, and then 0 when they
   * are over.
   *
   * @throws LockTimeoutError when there are none
   */
  left(): number {
    if (this.#standingBy) return Infinity;
    if (this.#retry) return this.#retryLeft();
    // The first question has LEAST_PATIENCE, for those behind it in line too.
    const left = this.#left(isNothing(this.seen) ? LEAST_PATIENCE : 0);
    if (left > TIMER_PRECISION) return left;
    throw this.timeout();
  }

  /** The time to wait is over. */
  timeout(): LockTimeoutError {
    const { holder, failure } = this.seen;
    // Whoever found the lock busy knows a holder.
    const cause = failure ?? (holder ? undefined : unanswered());
    const message = messages.timedOut(this.#name, this.#wait, holder?.replica, cause);
    return new LockTimeoutError(message, { holder, cause });
  }

  /** Milliseconds to wait for an answer. Who does not wait for others waits for that all the same. */
  get patience(): number {
    if (this.#wait === 0 || this.#standingBy) return Infinity;
    return Math.max(LEAST_PATIENCE, this.#left(0));
  }

  #left(atLeast: number): number {
    return this.#since + Math.max(this.#wait, atLeast) - this.#clock.now();
  }

  #retryLeft(): number {
    this.#retryUntil ??= this.#retry?.() ?? 0;
    return Math.max(0, this.#retryUntil - this.#clock.now());
  }

  /** A run that could not be asked for. */
  #unlessLate(): number | undefined {
    if (this.#standingBy) return POLL_OUTAGE;
    const left = this.#retryLeft();
    return left > TIMER_PRECISION ? Math.min(POLL_OUTAGE, left) : undefined;
  }

  #unlessOver(pause: number): number | undefined {
    if (this.#wait === 0 && !this.#standingBy) return undefined;
    return Math.min(pause, this.left());
  }
}

function unanswered(): LockStoreError {
  return new LockStoreError(messages.notAnsweredYet(), { mayHaveRun: false });
}

/** Whether the holder runs the very tick that is to be run again if it dies. */
function isRerunOf(claim: Claim | undefined, occurrence: string | undefined): boolean {
  return claim?.kind === 'tick' && claim.rerun && describeClaim(claim) === occurrence;
}
