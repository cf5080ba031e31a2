import { inspect } from 'node:util';
import type { Clock } from '../common/clock.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { whenAborted } from '../common/pause.js';
import type { HeldLease } from './held-lease.js';
import type { Lease } from './lease.js';
import type { LockEvents, TermEndReason } from './lock-events.js';

/** How a term ended. */
export interface TermEnd {
  readonly reason: TermEndReason;
  /** The error, if the lease was lost or the work failed. */
  readonly error: unknown;
  /** How long this replica led, in whole milliseconds. */
  readonly led: number;
}

/** What a term needs. */
export interface TermParts {
  readonly clock: Clock;
  readonly events: LockEvents;
  readonly logger: LockLogger;
}

/**
 * One period of leadership, as its work sees it: a lease whose `release()` only asks the work to end. The lock is
 * released when the work has returned, so that no two terms overlap.
 */
export class Term implements Lease {
  readonly #lease: HeldLease;
  readonly #parts: TermParts;
  readonly #beganAt: number;
  #forgetLoss: (() => void) | undefined;
  #end: TermEnd | undefined;

  constructor(lease: HeldLease, parts: TermParts) {
    this.#lease = lease;
    this.#parts = parts;
    this.#beganAt = parts.clock.now();
  }

  get name(): string {
    return this.#lease.name;
  }

  get fencingToken(): number {
    return this.#lease.fencingToken;
  }

  get tick(): undefined {
    return undefined;
  }

  get missed(): boolean {
    return false;
  }

  get held(): boolean {
    return this.#lease.held;
  }

  get remaining(): number {
    return this.#lease.remaining;
  }

  get signal(): AbortSignal {
    return this.#lease.signal;
  }

  assertHeld(): void {
    this.#lease.assertHeld();
  }

  /** Steps down. Does not wait: the work calls this, and the hand-over waits for the work. */
  release(): Promise<void> {
    this.end('stepped-down');
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  toJSON(): object {
    return this.#lease.toJSON();
  }

  [inspect.custom](): object {
    return this.toJSON();
  }

  /** Whether this replica leads now. Compares a clock at every call. */
  get leads(): boolean {
    return this.#lease.held && !this.#end;
  }

  /** How the term ended; undefined while it lasts. */
  get ended(): TermEnd | undefined {
    return this.#end;
  }

  begin(): void {
    const { events, logger } = this.#parts;
    // The work may get the lease in other ways: from current(), or from a run of the same name.
    this.#lease.insteadOfRelease = () => this.end('stepped-down');
    logger.debug(messages.termBegan(this.name, this.fencingToken));
    events.emit(() => ({ type: 'termBegan', ...this.#lease.identity }));
    const { signal } = this;
    this.#forgetLoss = whenAborted(signal, () => this.#ended('lost', signal.reason));
  }

  /** The lease may be released: the work has returned. */
  workEnded(): void {
    this.#lease.insteadOfRelease = undefined;
  }

  /**
   * Ends the term, unless it has ended. The signal aborts while the lock is still held.
   *
   * @param why the reason of the signal
   */
  end(reason: Exclude<TermEndReason, 'lost'>, why: unknown = steppedDown(this.name), error?: unknown): void {
    // Reading `leads` notices a loss before a timer does.
    if (!this.leads && this.#end) return;
    this.#forgetLoss?.();
    // Listeners of the signal find the term ended.
    this.#ended(reason, error);
    this.#lease.abort(why);
  }

  #ended(reason: TermEndReason, error: unknown): void {
    if (this.#end) return;
    const { clock, events, logger } = this.#parts;
    const led = Math.round(clock.now() - this.#beganAt);
    this.#end = { reason, error, led };
    logger.debug(messages.termEnded(this.name, this.fencingToken, reason));
    events.emit(() => ({ type: 'termEnded', ...this.#lease.identity, reason, error, led }));
  }
}

/** Like the default reason of `AbortController.abort()`: code that takes a signal knows that this is not a failure. */
function steppedDown(name: string): DOMException {
  return new DOMException(messages.steppedDown(name), 'AbortError');
}
