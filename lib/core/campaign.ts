import type { Clock } from '../common/clock.js';
import { LockShuttingDownError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { Pause, whenAborted } from '../common/pause.js';
import type { AcquireOptions } from './run-options.js';
import type { HeldLease } from './held-lease.js';
import type { Outcome } from './outcome.js';
import { Term, type TermEnd, type TermParts } from './term.js';

/** Milliseconds for which a replica stands back after a term that it ended itself; doubles with each short one. */
const SHORTEST_PAUSE = 250;
/** The longest, and how long a term must last to be no short one. */
const LONGEST_PAUSE = 30_000;

/** What a campaign works with. */
export interface CampaignParts extends TermParts {
  readonly clock: Clock;
  /** Aborts when the shutdown refuses scheduled work. */
  readonly leaving: AbortSignal;
  /** Runs work under the lock, as work that a shutdown refuses and waits for first. */
  run(name: string, work: (lease: HeldLease) => unknown, options: AcquireOptions): Promise<Outcome<unknown>>;
  /** The terms of this replica, by the name of the election. */
  readonly terms: Map<string, Term>;
}

/** What one call of `whileLeader` wants. */
export interface Candidate {
  readonly name: string;
  readonly work: (term: Term) => unknown;
  /** Of the lease. */
  readonly options: AcquireOptions;
  /** Ends the campaign. */
  readonly signal?: AbortSignal | undefined;
}

/** Takes part in one election again and again: stands in the queue, leads for a term, steps down, stands in the queue. */
export class Campaign {
  readonly #candidate: Candidate;
  readonly #parts: CampaignParts;
  /** Short terms in a row. */
  #short = 0;
  /** What was logged of them. */
  readonly #told = new Set<string>();

  constructor(candidate: Candidate, parts: CampaignParts) {
    this.#candidate = candidate;
    this.#parts = parts;
  }

  /** Resolves when the campaign was ended, by the signal or the shutdown, and the lock released. */
  async run(): Promise<void> {
    for (let end = await this.#nextTerm(); end; end = await this.#nextTerm()) {
      await this.#standBack(end);
    }
  }

  /** Resolves to the end of the term when the lock was released; to undefined when the campaign is over. */
  async #nextTerm(): Promise<TermEnd | undefined> {
    const { name, options, signal } = this.#candidate;
    let end: TermEnd | undefined;
    try {
      await this.#parts.run(name, async (lease) => (end = await this.#lead(new Term(lease, this.#parts))), {
        ...options,
        wait: true,
        signal,
      });
    } catch (error) {
      // So the wait for the lock ends.
      if (!signal?.aborted) throw error;
    }
    return end;
  }

  async #lead(term: Term): Promise<TermEnd> {
    const { name, work, signal } = this.#candidate;
    const { leaving, terms } = this.#parts;
    terms.set(name, term);
    term.begin();
    const forget = [
      whenAborted(leaving, () =>
        term.end('shutting-down', new LockShuttingDownError(messages.termOver(name))),
      ),
      signal && whenAborted(signal, () => term.end('aborted', signal.reason)),
    ];
    try {
      // A listener may have had it step down.
      if (term.leads) await work(term);
      term.end('returned');
    } catch (error) {
      this.#failed(term, error);
    }
    for (const end of forget) end?.();
    term.workEnded();
    // A term that was lost may outlast the beginning of the next one.
    if (terms.get(name) === term) terms.delete(name);
    return term.ended!;
  }

  /** Work that is told to end may throw the reason that it was given, or an error like it. */
  #failed(term: Term, error: unknown): void {
    term.end('failed', undefined, error);
    const { ended, signal } = term;
    if (ended?.reason === 'failed' || error === signal.reason || isAbortError(error)) return;
    this.#parts.logger.warn(messages.failedToEnd(term.name, error));
  }

  /** Others come first, and work that fails at once is not begun a thousand times a second. */
  async #standBack({ reason, error, led }: TermEnd): Promise<void> {
    if (led >= LONGEST_PAUSE) {
      this.#short = 0;
      this.#told.clear();
    }
    if (reason !== 'returned' && reason !== 'failed' && reason !== 'stepped-down') return;
    const ms = Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** this.#short++);
    const { clock, leaving } = this.#parts;
    const { name, signal } = this.#candidate;
    if (reason === 'failed') this.#tellFailure(error, ms);
    // The work of a long term may be done; of a short one it has most likely just begun.
    if (reason === 'returned' && led < LONGEST_PAUSE)
      this.#tellOnce(reason, messages.termReturned(name, led, ms));
    await new Pause(clock, { signals: signal ? [leaving, signal] : [leaving] }).for(ms);
  }

  #tellFailure(error: unknown, ms: number): void {
    const { name } = this.#candidate;
    try {
      this.#tellOnce(`failed ${kindOf(error)}`, messages.termFailed(name, error, ms));
    } catch {
      // Work may throw anything, even a value whose properties throw. The campaign goes on all the same.
      this.#tellOnce(
        'failed',
        messages.termFailed(name, new Error('it threw a value that cannot be read'), ms),
      );
    }
  }

  #tellOnce(kind: string, message: string): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    if (kind === 'returned') this.#parts.logger.warn(message);
    else this.#parts.logger.error(message);
  }
}

function isAbortError(error: unknown): boolean {
  return (error as Error | undefined)?.name === 'AbortError';
}

/** The same for all errors of one cause, whatever numbers their messages have. */
function kindOf(error: unknown): string {
  const { code, name, message } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return String(code ?? (name === 'Error' ? message : name));
}
