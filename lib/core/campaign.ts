import type { Clock } from '../common/clock.js';
import { LockShuttingDownError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { Pause, whenAborted } from '../common/pause.js';
import type { AcquireOptions } from './run-options.js';
import type { HeldLease } from './held-lease.js';
import type { Outcome } from './outcome.js';
import { Term, type TermEnd, type TermParts } from './term.js';

/** Milliseconds for which a replica stands back after a term that it ended itself. Doubles with each short term. */
const SHORTEST_PAUSE = 250;
/** The longest such pause. A term shorter than this is a short one. */
const LONGEST_PAUSE = 30_000;

/** What a campaign needs. */
export interface CampaignParts extends TermParts {
  readonly clock: Clock;
  /** Aborts when the shutdown refuses scheduled work. */
  readonly leaving: AbortSignal;
  /** Runs work under the lock as scheduled work, which a shutdown ends first. */
  run(name: string, work: (lease: HeldLease) => unknown, options: AcquireOptions): Promise<Outcome<unknown>>;
  /** The terms of this replica, by the name of the election. */
  readonly terms: Map<string, Term>;
}

/** The arguments of one call of `whileLeader`. */
export interface Candidate {
  readonly name: string;
  readonly work: (term: Term) => unknown;
  /** Options of the lease. */
  readonly options: AcquireOptions;
  /** Ends the campaign. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes part in one election for as long as it is told to: waits in the queue, leads for a term, steps down, and waits
 * again.
 */
export class Campaign {
  readonly #candidate: Candidate;
  readonly #parts: CampaignParts;
  /** How many short terms there were in a row. */
  #short = 0;
  /** The kinds of failure that were logged since the last long term. */
  readonly #told = new Set<string>();

  constructor(candidate: Candidate, parts: CampaignParts) {
    this.#candidate = candidate;
    this.#parts = parts;
  }

  /** Resolves when the signal or the shutdown has ended the campaign and the lock is released. */
  async run(): Promise<void> {
    for (let end = await this.#nextTerm(); end; end = await this.#nextTerm()) {
      await this.#standBack(end);
    }
  }

  /** Resolves when the lock is released: to the end of the term, or to undefined when the campaign is over. */
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
      // The signal ends the wait for the lock by an error.
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
      // A listener may have called stepDown().
      if (term.leads) await work(term);
      term.end('returned');
    } catch (error) {
      this.#failed(term, error);
    }
    for (const end of forget) end?.();
    term.workEnded();
    // The work of a lost term may still run when the next term begins.
    if (terms.get(name) === term) terms.delete(name);
    return term.ended!;
  }

  /** Work may throw the reason of its signal, or an error like it, when the term ends. */
  #failed(term: Term, error: unknown): void {
    term.end('failed', undefined, error);
    const { ended, signal } = term;
    if (ended?.reason === 'failed' || error === signal.reason || isAbortError(error)) return;
    this.#parts.logger.warn(messages.failedToEnd(term.name, error));
  }

  /** Lets other replicas lead first, and keeps work that fails at once from beginning a thousand times a second. */
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
    // Work that returns after a short term has most likely returned too early by mistake.
    if (reason === 'returned' && led < LONGEST_PAUSE)
      this.#tellOnce(reason, messages.termReturned(name, led, ms));
    await new Pause(clock, { signals: signal ? [leaving, signal] : [leaving] }).for(ms);
  }

  #tellFailure(error: unknown, ms: number): void {
    const { name } = this.#candidate;
    try {
      this.#tellOnce(`failed ${kindOf(error)}`, messages.termFailed(name, error, ms));
    } catch {
      // Work may throw anything, even a value whose properties throw. The campaign continues all the same.
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

/** Equal for errors of one cause, even if the numbers in their messages differ. */
function kindOf(error: unknown): string {
  const { code, name, message } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return String(code ?? (name === 'Error' ? message : name));
}
