import { AsyncLocalStorage } from 'node:async_hooks';
import { isPromise } from 'node:util/types';
import type { TickOccurrence } from '../core/occurrence.js';
import type { Outcome } from '../core/outcome.js';
import type { JobRequest } from '../stores/lock-store.js';
import { occurrenceAt, type CronTime, type SpuriousCall } from './cron-tick.js';

/** The cron job that fired. */
export interface FiredJob {
  /** Its name in the `SchedulerRegistry`; undefined if each replica has another name for it. */
  readonly name: string | undefined;
  /** Its schedule when it fired, which may change later. */
  readonly cronTime: CronTime;
}

/**
 * A firing counts for this many milliseconds after its handlers have returned, for work that they did not await. Not
 * for ever: a connection that was opened in it keeps its async context for as long as it lives.
 */
const AFTERMATH = 60_000;

/** A run of a job by hand, and its outcome. */
export interface RunByHand {
  readonly job: JobRequest;
  begun: boolean;
  /** Set when it has ended without an error. */
  outcome: Outcome<unknown> | undefined;
}

/** What a firing that the scheduler did not cause is for. */
interface Instead {
  readonly tick?: TickOccurrence | undefined;
  readonly byHand?: RunByHand | undefined;
}

/** One call of handlers by the scheduler, and everything that runs because of it. */
export class Firing {
  readonly job: FiredJob | undefined;
  /** Set if the job runs by hand and not because of the scheduler. */
  readonly byHand: RunByHand | undefined;
  readonly #at: number;
  readonly #tick: TickOccurrence | undefined;
  readonly #begun = new Set<string>();
  readonly #asked = new Map<string, Promise<void>>();
  #running = 0;
  #lastEnd = performance.now();

  /**
   * @param job undefined for an interval or a timeout, because these have no ticks
   * @param at when it fired, milliseconds since the epoch
   */
  constructor(job: FiredJob | undefined, at: number, { tick, byHand }: Instead = {}) {
    this.job = job;
    this.byHand = byHand;
    this.#at = at;
    this.#tick = tick;
  }

  /** A firing for a missed tick. */
  static late(job: FiredJob, tick: TickOccurrence): Firing {
    return new Firing(job, tick.tick.getTime(), { tick });
  }

  /** A firing for a run by hand. */
  static byHand(byHand: RunByHand): Firing {
    return new Firing(undefined, Date.now(), { byHand });
  }

  /** Whether code that runs in it still belongs to the call of the scheduler. */
  get counts(): boolean {
    return this.#running > 0 || performance.now() - this.#lastEnd <= AFTERMATH;
  }

  /** The tick that the job fired for; undefined if it has no ticks. */
  get calledFor(): TickOccurrence | SpuriousCall | undefined {
    return this.#tick ?? (this.job && occurrenceAt(this.job.cronTime, this.#at));
  }

  /** Whether this replica has run that work for the tick. If so, it may run it again under the lock alone. */
  hasBegun(work: string): boolean {
    return this.#begun.has(work);
  }

  begins(work: string): void {
    this.#begun.add(work);
  }

  /**
   * Lets calls ask one after the other whether this replica has the tick for that work. Resolves to a function that
   * lets the next call ask.
   */
  async turnToAsk(work: string): Promise<() => void> {
    for (let asked = this.#asked.get(work); asked; asked = this.#asked.get(work)) await asked;
    return this.#asks(work);
  }

  #asks(work: string): () => void {
    let tellNext!: () => void;
    const asked = new Promise<void>((resolve) => (tellNext = resolve));
    this.#asked.set(work, asked);
    return () => {
      // This is called twice, when the run begins and when it ends. By then another call may be asking.
      if (this.#asked.get(work) === asked) this.#asked.delete(work);
      tellNext();
    };
  }

  /** Calls one of its handlers and returns what that returns. A promise must reach the caller, because it may reject. */
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
  /** Calls in this synchronous stretch that are outside of any firing. */
  readonly undecided: Set<Told>;
}

// Registered globally: the ESM and the CJS build may both be loaded, and one of them watches the scheduler.
const KEY = Symbol.for('nestjs-exclusive-lock/firing');
const global = globalThis as { [KEY]?: Shared };
const { context, undecided } = (global[KEY] ??= { context: new AsyncLocalStorage(), undecided: new Set() });

/** Runs `work` as part of a firing. */
export function insideFiring<T>(firing: Firing, work: () => T): T {
  return context.run(firing, work);
}

/** Runs `work` outside of any firing, because the firing has been used for it already. */
export function outsideFiring<T>(work: () => T): T {
  return context.getStore() ? context.run(undefined, work) : work();
}

/** The firing that the calling code is part of; undefined if no scheduler called it. */
export function currentFiring(): Firing | undefined {
  const firing = context.getStore();
  return firing?.counts ? firing : undefined;
}

/**
 * Finds the firing of a call that seems to be outside of any. cron calls the handler within the constructor of a job
 * that arms late or has `runOnInit`. The job is registered only after that, in the same synchronous stretch.
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

/** Reports a newly registered job that fired in its constructor. */
export function firedWhenMade(firing: Firing): void {
  for (const told of undecided) told(firing);
  undecided.clear();
}
