import { tracingChannel } from 'node:diagnostics_channel';
import type { Clock } from '../common/clock.js';
import { leaveScope, newScope, runInside } from './current-lease.js';
import { endOfRun, type Thrown } from './end-of-run.js';
import type { HeldLease } from './held-lease.js';
import type { FinishedEvent, LockEvents, StartedEvent } from './lock-events.js';
import { jobOf } from './occurrence.js';
import type { Outcome } from './outcome.js';
import type { Shutdown } from './shutdown.js';
import type { Acquired } from './wanted.js';

/** What is done under a lock. */
export type Work<T> = (lease: HeldLease) => T | PromiseLike<T>;

/**
 * One run, as the subscribers of `tracingChannel('nestjs-exclusive-lock:run')` get it: the same object from the start to
 * the end. Node.js adds `result`, or `error`.
 */
export interface RunTrace extends Omit<StartedEvent, 'type'> {
  /** Known at the end of the work. */
  outcome?: 'succeeded' | 'failed' | 'lost';
}

type Run = Omit<StartedEvent, 'type'>;

/** Around the work of each run. */
const tracing = tracingChannel<unknown, RunTrace>('nestjs-exclusive-lock:run');

/** Runs work inside its lease, and tells how it ended. Without listeners and history it notes nothing. */
export class Runs {
  readonly #events: LockEvents;
  readonly #clock: Clock;

  constructor(events: LockEvents, clock: Clock, shutdown: Shutdown) {
    this.#events = events;
    this.#clock = clock;
    shutdown.onGivenUp = (lease) => this.#tellFinished(lease, 'abandoned', this.#age(lease), undefined);
  }

  /**
   * Releases the lock when the work, and all work that joined it, has settled.
   *
   * @param owner tells apart two lock managers that use the same names
   */
  async run<T>({ lease, now }: Acquired, work: Work<T>, owner: object): Promise<Outcome<T>> {
    lease.running = true;
    lease.startedAt = now;
    this.#events.emit(() => ({ type: 'started', ...runOf(lease) }));
    const scope = newScope(lease, owner);
    let value: T;
    let thrown: Thrown | undefined;
    try {
      value = await traced(lease, () => runInside(scope, work, lease));
      lease.end = 'completed';
    } catch (error) {
      thrown = { error };
      // What is tried again is the tick of a holder that died, or was told to stop: not work that has failed.
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

  #finished(lease: HeldLease, thrown: Thrown | undefined, duration: number): void {
    const isLost = lease.lossReason !== 'released';
    const outcome = isLost ? 'lost' : thrown ? 'failed' : 'succeeded';
    const error = thrown || !isLost ? thrown?.error : lease.lossError;
    this.#tellFinished(lease, outcome, duration, error);
  }

  /** Emits it once: work that was given up may still end. */
  #tellFinished(lease: HeldLease, outcome: FinishedEvent['outcome'], duration: number, error: unknown): void {
    if (!lease.running) return;
    lease.running = false;
    this.#events.emit(() => ({ type: 'finished', ...runOf(lease), outcome, duration, error }));
  }

  #age(lease: HeldLease): number {
    return Math.round(this.#clock.now() - lease.grantedAt);
  }
}

/** Milliseconds by which a tick starts late, by the store's clock at its grant; undefined if the lease is not for one. */
export function lateness({ tick }: HeldLease, now: number | undefined): number | undefined {
  return tick && now !== undefined ? Math.max(0, Math.round(now - tick.getTime())) : undefined;
}

function runOf(lease: HeldLease): Run {
  const { identity, claim, tick, missed, startedAt } = lease;
  const byHand = claim?.byHand === true;
  return { ...identity, job: claim && jobOf(claim), tick, missed, byHand, late: lateness(lease, startedAt) };
}

/** Costs nothing if nobody traces. */
function traced<T>(lease: HeldLease, work: () => T | PromiseLike<T>): T | PromiseLike<T> {
  if (!tracing.hasSubscribers) return work();
  const trace: RunTrace = runOf(lease);
  return tracing.tracePromise(async () => {
    let thrown: Thrown | undefined;
    try {
      return await work();
    } catch (error) {
      thrown = { error };
      throw error;
    } finally {
      trace.outcome = endOfRun(lease, thrown).outcome;
    }
  }, trace);
}

function outcomeAfterRelease<T>(lease: HeldLease, value: T): Outcome<T> {
  // Released is how it should end, unless the release found the lock in other hands.
  return lease.lossReason === 'released' ? { status: 'ran', value } : outcomeWhileHeld(lease, value);
}

/** Of work that joined a lease and may outlast it: then it did not run under the lock to its end. */
export function outcomeWhileHeld<T>(lease: HeldLease, value: T): Outcome<T> {
  const error = lease.lossError;
  return error ? { status: 'lost', value, error } : { status: 'ran', value };
}
