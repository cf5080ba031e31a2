import { AsyncLocalStorage } from 'node:async_hooks';
import { isPromise } from 'node:util/types';
import type { TickOccurrence } from '../core/occurrence.js';
import type { Outcome } from '../core/outcome.js';
import type { JobRequest } from '../stores/lock-store.js';
import { occurrenceAt, type CronTime, type SpuriousCall } from './cron-tick.js';

/** The cron job that fired. */
export interface FiredJob {
  /** Its name in the `SchedulerRegistry`; undefined where that is another one in each replica. */
  readonly name: string | undefined;
  /** Its schedule when it fired: it may be given another one later. */
  readonly cronTime: CronTime;
}

/**
 * A firing counts for this many milliseconds after its handlers have returned, for what they did not wait for. Not for
 * ever: a connection that was opened in it keeps its context for as long as it lives.
 */
const AFTERMATH = 60_000;

/** A run of a job that is wanted now, and what has become of it. */
export interface RunByHand {
  readonly job: JobRequest;
  begun: boolean;
  /** Undefined until it has ended without an error. */
  outcome: Outcome<unknown> | undefined;
}

/** What else there is to know of a firing that is not the scheduler's. */
interface Instead {
  readonly tick?: TickOccurrence | undefined;
  readonly byHand?: RunByHand | undefined;
}

/** One call of handlers by the scheduler, and all that comes of it. */
export class Firing {
  readonly job: FiredJob | undefined;
  /** Present if it is not the scheduler that calls, but somebody who wants a run now. */
  readonly byHand: RunByHand | undefined;
  readonly #at: number;
  readonly #tick: TickOccurrence | undefined;
  readonly #begun = new Set<string>();
  readonly #asked = new Map<string, Promise<void>>();
  #running = 0;
  #lastEnd = performance.now();

  /**
   * @param job undefined for an interval or a timeout, which have no ticks
   * @param at when it fired, milliseconds since the epoch
   */
  constructor(job: FiredJob | undefined, at: number, { tick, byHand }: Instead = {}) {
    this.job = job;
    this.byHand = byHand;
    this.#at = at;
    this.#tick = tick;
  }

  /** The call for a tick for which the scheduler has not called. */
  static late(job: FiredJob, tick: TickOccurrence): Firing {
    return new Firing(job, tick.tick.getTime(), { tick });
  }

  /** The call of a job that is wanted now. */
  static byHand(byHand: RunByHand): Firing {
    return new Firing(undefined, Date.now(), { byHand });
  }

  /** Whether what runs in it is still the scheduler's doing. */
  get counts(): boolean {
    return this.#running > 0 || performance.now() - this.#lastEnd <= AFTERMATH;
  }

  /** What the job fired for; undefined where it has no ticks. */
  get calledFor(): TickOccurrence | SpuriousCall | undefined {
    return this.#tick ?? (this.job && occurrenceAt(this.job.cronTime, this.#at));
  }

  /** Whether this replica has had the tick for that work, and may do it again under the lock alone. */
  hasBegun(work: string): boolean {
    return this.#begun.has(work);
  }

  begins(work: string): void {
    this.#begun.add(work);
  }

  /** Lets one call after the other ask whether this replica has the tick for that work. Returns what lets the next one. */
  async turnToAsk(work: string): Promise<() => void> {
    for (let asked = this.#asked.get(work); asked; asked = this.#asked.get(work)) await asked;
    return this.#asks(work);
  }

  #asks(work: string): () => void {
    let tellNext!: () => void;
    const asked = new Promise<void>((resolve) => (tellNext = resolve));
    this.#asked.set(work, asked);
    return () => {
      // Told twice, when it begins and when it ends: by then another may ask.
      if (this.#asked.get(work) === asked) this.#asked.delete(work);
      tellNext();
    };
  }

  /** Calls one of its handlers. Returns what that returns: a promise, which may reject, must stay in the caller's hands. */
  call(handler: () => unknown): unknown {
    this.#running++;
    let result: unknown;
    try {
      result = handler();
    } finally {
      if (!isPromise(result)) this.#ended();
    }
    return isPromise(result) ? result.finally(() => this.#ended()) : result;
  }

  #ended(): void {
    this.#running--;
    this.#lastEnd = performance.now();
  }
}

type Told = (firing: Firing) => void;

interface Shared {
  readonly context: AsyncLocalStorage<Firing | undefined>;
  /** Calls outside of any firing in this synchronous stretch. */
  readonly undecided: Set<Told>;
}

// Registered globally: the ESM and the CJS build may both be loaded, and one of them watches the scheduler.
const KEY = Symbol.for('nestjs-exclusive-lock/firing');
const global = globalThis as { [KEY]?: Shared };
const { context, undecided } = (global[KEY] ??= { context: new AsyncLocalStorage(), undecided: new Set() });

/** Does `work` as part of a firing. */
export function insideFiring<T>(firing: Firing, work: () => T): T {
  return context.run(firing, work);
}

/** Does `work` as what is no part of one: it is done once for the firing already. */
export function outsideFiring<T>(work: () => T): T {
  return context.getStore() ? context.run(undefined, work) : work();
}

/** The firing that the calling code is part of; undefined where no scheduler called it. */
export function currentFiring(): Firing | undefined {
  const firing = context.getStore();
  return firing?.counts ? firing : undefined;
}

/**
 * The firing that a call outside of any belongs to after all. cron calls the handler from within the constructor of a
 * job that arms late, or has `runOnInit`; who made the job registers it in the same synchronous stretch.
 */
export function firingOfNewJob(): Promise<Firing | undefined> {
  return new Promise((resolve) => {
    undecided.add(resolve);
    queueMicrotask(() => {
      undecided.delete(resolve);
      resolve(undefined);
    });
  });
}

/** A job is registered that has fired in its constructor. */
export function firedWhenMade(firing: Firing): void {
  for (const told of undecided) told(firing);
  undecided.clear();
}
