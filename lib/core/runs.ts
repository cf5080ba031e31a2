import { tracingChannel } from 'node:diagnostics_channel';
import type { Clock } from '../common/clock.js';
import { leaveScope, newScope, runInside } from './current-lease.js';
import { endOfRun, type Thrown } from './end-of-run.js';
import type { HeldLease } from './held-lease.js';
import type { FinishedEvent, LockEvents, StartedEvent } from './lock-events.js';
import type { Outcome } from './outcome.js';
import type { Shutdown } from './shutdown.js';
import type { Acquired } from './wanted.js';

/** What is done under a lock. */
export type Work<T> = (lease: HeldLease) => T | PromiseLike<T>;

/**
 * One run, as subscribers of `tracingChannel('nestjs-exclusive-lock:run')` get it: the same object from the start to
 * the end. Node.js adds `result` or `error`.
 */
export interface RunTrace extends Omit<StartedEvent, 'type'> {
  /** Set at the end of the work. */
  outcome?: 'succeeded' | 'failed' | 'lost';
}

type Run = Omit<StartedEvent, 'type'>;

/** What is called in place of the work of a run. It calls `work` once, and returns what that returns. */
export type AroundRun = <T>(run: RunTrace, work: () => Promise<T>) => Promise<T>;

/** Surrounds the work of each run. */
const tracing = tracingChannel<unknown, RunTrace>('nestjs-exclusive-lock:run');

/** Runs work inside its lease and reports how it ended. Costs nothing without listeners and history. */
export class Runs {
  readonly #events: LockEvents;
  readonly #clock: Clock;
  readonly #arounds = new Set<AroundRun>();

  constructor(events: LockEvents, clock: Clock, shutdown: Shutdown) {
    this.#events = events;
    this.#clock = clock;
    shutdown.onGivenUp = (lease) => this.#tellFinished(lease, 'abandoned', this.#age(lease), undefined);
  }

  /**
   * Runs the work, and releases the lock when the work, and all work that joined it, has settled.
   *
   * @param owner distinguishes two lock managers that use the same names
   */
  async run<T>({ lease, now }: Acquired, work: Work<T>, owner: object): Promise<Outcome<T>> {
    lease.running = true;
    lease.startedAt = now;
    this.#events.emit(() => ({ type: 'started', ...runOf(lease) }));
    const scope = newScope(lease, owner);
    let value: T;
    let thrown: Thrown | undefined;
    try {
      value = await this.#surrounded(lease, () => runInside(scope, work, lease));
      lease.end = 'completed';
    } catch (error) {
      thrown = { error };
      // A tick is rerun if its holder died or was told to stop, but not if its work failed.
      if (lease.claim?.kind === 'tick' && !lease.aborted) lease.end = 'completed';
      throw error;
    } finally {
      if (lease.hasGuests) await lease.guestsGone();
      leaveScope(scope);
      const isRecorded = Boolean(lease.claim?.history);
      const duration = isRecorded || this.#events.isHeard ? this.#age(lease) : 0;
      if (isRecorded) lease.run ??= endOfRun(lease, thrown, duration);
      await lease.release();
      this.#finished(lease, thrown, duration);
    }
    return outcomeAfterRelease(lease, value);
  }

  /** Has `around` called in place of the work of each run, until the function that is returned is called. */
  surroundWith(around: AroundRun): () => void {
    this.#arounds.add(around);
    return () => void this.#arounds.delete(around);
  }

  /** Costs nothing if nobody traces. */
  #surrounded<T>(lease: HeldLease, work: () => T | PromiseLike<T>): T | PromiseLike<T> {
    if (this.#arounds.size === 0 && !tracing.hasSubscribers) return work();
    const trace: RunTrace = runOf(lease);
    let surrounded = (): Promise<T> => withOutcome(lease, trace, work);
    for (const around of this.#arounds) {
      const inner = surrounded;
      surrounded = () => around(trace, inner);
    }
    return tracing.hasSubscribers ? tracing.tracePromise(surrounded, trace) : surrounded();
  }

  #finished(lease: HeldLease, thrown: Thrown | undefined, duration: number): void {
    const isLost = lease.lossReason !== 'released';
    const outcome = isLost ? 'lost' : thrown ? 'failed' : 'succeeded';
    const error = thrown || !isLost ? thrown?.error : lease.lossError;
    this.#tellFinished(lease, outcome, duration, error);
  }

  /** Emits `finished` once: work that the shutdown gave up may still end. */
  #tellFinished(lease: HeldLease, outcome: FinishedEvent['outcome'], duration: number, error: unknown): void {
    if (!lease.running) return;
    lease.running = false;
    this.#events.emit(() => ({ type: 'finished', ...runOf(lease), outcome, duration, error }));
  }

  #age(lease: HeldLease): number {
    return Math.round(this.#clock.now() - lease.grantedAt);
  }
}

/**
 * Milliseconds by which a tick starts late, by the store's clock at its grant; undefined if the lease is not for a
 * tick.
 */
export function lateness({ tick }: HeldLease, now: number | undefined): number | undefined {
  return tick && now !== undefined ? Math.max(0, Math.round(now - tick.getTime())) : undefined;
}

function runOf(lease: HeldLease): Run {
  const { identity, claim, tick, missed, startedAt } = lease;
  const byHand = claim?.byHand === true;
  return { ...identity, tick, missed, byHand, late: lateness(lease, startedAt) };
}

async function withOutcome<T>(lease: HeldLease, trace: RunTrace, work: () => T | PromiseLike<T>): Promise<T> {
  let thrown: Thrown | undefined;
  try {
    return await work();
  } catch (error) {
    thrown = { error };
    throw error;
  } finally {
    trace.outcome = endOfRun(lease, thrown).outcome;
  }
}

function outcomeAfterRelease<T>(lease: HeldLease, value: T): Outcome<T> {
  // The reason is `released` unless the release found another holder.
  return lease.lossReason === 'released' ? { status: 'ran', value } : outcomeWhileHeld(lease, value);
}

/** The outcome of work that joined a lease: `lost` if the lease ended before the work did. */
export function outcomeWhileHeld<T>(lease: HeldLease, value: T): Outcome<T> {
  const error = lease.lossError;
  return error ? { status: 'lost', value, error } : { status: 'ran', value };
}
