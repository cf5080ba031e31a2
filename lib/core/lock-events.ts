import { channel } from 'node:diagnostics_channel';
import type { LockLostError, LockStoreError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import type { Paused, Skipped } from './outcome.js';

/** Something that happened to a lock in this replica. All durations are whole milliseconds. */
export type LockEvent =
  | WaitedEvent
  | AcquiredEvent
  | SkippedEvent
  | RenewedEvent
  | RenewalFailedEvent
  | LostEvent
  | ReleasedEvent
  | ReleaseRefusedEvent
  | ForcedEvent
  | TermBeganEvent
  | TermEndedEvent
  | StartedEvent
  | FinishedEvent
  | MissedEvent;

interface EventBase {
  /** The name of the lock. */
  readonly name: string;
  /** The intended run for which the lock was requested, such as `tick 2026-11-24T03:00:00.000Z of Reports.nightly`. */
  readonly occurrence: string | undefined;
  /** The job of that run; undefined if there is none. */
  readonly job: string | undefined;
}

interface LeaseEvent extends EventBase {
  /** The fencing token of the grant. */
  readonly fencingToken: number;
}

/**
 * A wait for another holder, or for the store, has ended. `acquired` or `skipped` follows, unless the wait timed out or
 * was aborted.
 */
export interface WaitedEvent extends EventBase {
  readonly type: 'waited';
  /** From the call to the end of the wait. */
  readonly waited: number;
  /** The holder that was seen last. */
  readonly holder: Holder | undefined;
  /** Whether the lock was granted in the end. */
  readonly granted: boolean;
}

/** The lock was taken from its holder with `forceRelease`. */
export interface ForcedEvent extends LeaseEvent {
  readonly type: 'forced';
}

/** The lock was granted. */
export interface AcquiredEvent extends LeaseEvent {
  readonly type: 'acquired';
  /** From the call to the grant. */
  readonly waited: number;
  /** How late a tick starts, by the store's clock; undefined if the lock is not for a tick. */
  readonly late: number | undefined;
}

/**
 * The lock was not acquired. The reasons are those of the outcome of `run`. The work does not run, unless a decorated
 * method has `whenUnavailable: 'run'`.
 */
export interface SkippedEvent extends EventBase {
  readonly type: 'skipped';
  readonly reason: Skipped['reason'];
  /** From the call to the decision. */
  readonly waited: number;
  /** The holder of the lock, if it is busy. */
  readonly holder: Holder | undefined;
  /** Who paused the job and why, if it is paused. */
  readonly pause: Paused | undefined;
  /** Why the store could not be reached, even if that lasted until the application shut down. */
  readonly error: LockStoreError | undefined;
}

/** The lease was renewed to its full time. */
export interface RenewedEvent extends LeaseEvent {
  readonly type: 'renewed';
  /** Until the lease ends unless it is renewed again. */
  readonly remaining: number;
}

/** A renewal was not answered. It is retried until the lease ends. */
export interface RenewalFailedEvent extends LeaseEvent {
  readonly type: 'renewalFailed';
  /** Why the store could not be reached; undefined if it answered for other leases but not for this one. */
  readonly error: LockStoreError | undefined;
  /** Until the lease ends unless it is renewed. */
  readonly remaining: number;
}

/** The lease ended before it was released, or its release found another holder. `error` says why and what to do. */
export interface LostEvent extends LeaseEvent {
  readonly type: 'lost';
  readonly error: LockLostError;
  /** Since the lock was asked for. */
  readonly held: number;
}

/** A lease that was held until then was released, even if the store had lost the lock. */
export interface ReleasedEvent extends LeaseEvent {
  readonly type: 'released';
  /** Since the lock was asked for. */
  readonly held: number;
}

/** The store refuses the release until an operator corrects the cause. Others must wait until the lock expires. */
export interface ReleaseRefusedEvent extends LeaseEvent {
  readonly type: 'releaseRefused';
  /** Why the release is refused. It is retried until it succeeds or the lock has expired. */
  readonly error: LockStoreError;
}

/** This replica leads an election from now on. */
export interface TermBeganEvent extends LeaseEvent {
  readonly type: 'termBegan';
}

/**
 * Why a term ended:
 * - `lost`: its lease was lost; `error` is the `LockLostError`;
 * - `returned`: its work has returned;
 * - `failed`: its work has failed; `error` says why;
 * - `stepped-down`: by `stepDown()`, or `release()` of its lease;
 * - `aborted`: the `signal` of `whileLeader` has aborted;
 * - `shutting-down`: the application shuts down.
 */
export type TermEndReason = 'lost' | 'returned' | 'failed' | 'stepped-down' | 'aborted' | 'shutting-down';

/**
 * This replica no longer leads: its work has ended, or its signal aborts now. `released` follows, unless the lease is
 * lost.
 */
export interface TermEndedEvent extends LeaseEvent {
  readonly type: 'termEnded';
  readonly reason: TermEndReason;
  /** The error, if the lease was lost or the work failed; else undefined. */
  readonly error: unknown;
  /** How long this replica led. */
  readonly led: number;
}

/** What happens to the leadership of this replica. */
export type LeadershipEvent = TermBeganEvent | TermEndedEvent;

interface RunEvent extends LeaseEvent {
  /** The nominal time of the tick, if it is the run of a tick. */
  readonly tick: Date | undefined;
  /** Whether the tick runs late because no replica ran it when it was due. */
  readonly missed: boolean;
  /** Whether it was started with `locks.jobs.run()`. */
  readonly byHand: boolean;
  /** How late the tick starts, by the store's clock; undefined if it is not the run of a tick. */
  readonly late: number | undefined;
}

/** The work of `run`, or of a decorated method, begins under the lock. */
export interface StartedEvent extends RunEvent {
  readonly type: 'started';
}

/** The work has ended, and the lock was released. */
export interface FinishedEvent extends RunEvent {
  readonly type: 'finished';
  /**
   * - `succeeded`, `failed`: the work returned or threw while the lock was held;
   * - `lost`: the lock was lost before that;
   * - `abandoned`: the shutdown no longer waits for the work, which has not returned.
   */
  readonly outcome: 'succeeded' | 'failed' | 'lost' | 'abandoned';
  /** From the start of the work to its end. */
  readonly duration: number;
  /** What the work threw; else, if the lock was lost, the `LockLostError`. */
  readonly error: unknown;
}

/**
 * No replica ran a tick, or several in a row, and none will. One replica emits this, once: the replica that is granted
 * the next tick, or that finds that it is too late to run this one. `occurrence` is the first of the missed ticks.
 */
export interface MissedEvent extends EventBase {
  readonly type: 'missed';
  readonly job: string;
  /** The nominal time of the first of the missed ticks. */
  readonly tick: Date;
  /** How many there are; 100 if there are more. */
  readonly count: number;
}

/** What happens to a lease after its grant. */
export type LeaseNews = RenewedEvent | RenewalFailedEvent | LostEvent | ReleasedEvent | ReleaseRefusedEvent;

type Listener = (event: LockEvent) => void;
type Watcher = (event: LeaseNews) => void;

/** All types of events. */
const TYPES: Record<LockEvent['type'], true> = {
  waited: true,
  acquired: true,
  skipped: true,
  renewed: true,
  renewalFailed: true,
  lost: true,
  released: true,
  releaseRefused: true,
  forced: true,
  started: true,
  finished: true,
  missed: true,
  termBegan: true,
  termEnded: true,
};

/** Publishes the events of all modules of the process. */
const diagnostics = channel('nestjs-exclusive-lock');
/** One channel for each type of event. */
const ofType = new Map(Object.keys(TYPES).map((type) => [type, channel(`nestjs-exclusive-lock:${type}`)]));
const channels = [diagnostics, ...ofType.values()];

/** Emits what happens to the locks of a replica. Listeners must not throw. */
export class LockEvents {
  readonly #listeners = new Set<Listener>();
  readonly #watchers = new Map<string, Watcher>();

  /** Emits an event, which is made only if somebody listens. */
  emit(make: () => LockEvent): void {
    if (!this.isHeard) return;
    const event = make();
    // A listener that is added during an event gets the next event.
    const listeners = [...this.#listeners];
    for (const listener of listeners) listener(event);
    if (isLeaseNews(event)) this.#watchers.get(leaseKey(event))?.(event);
    diagnostics.publish(event);
    ofType.get(event.type)?.publish(event);
  }

  /** Whether anybody listens. */
  get isHeard(): boolean {
    if (this.#listeners.size > 0 || this.#watchers.size > 0) return true;
    for (const { hasSubscribers } of channels) if (hasSubscribers) return true;
    return false;
  }

  /** Returns a function that removes the listener. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Calls `watcher` with the events of one lease. Other leases cost nothing. Returns a function that removes the
   * watcher.
   */
  watch(lease: LeaseIdentity, watcher: Watcher): () => void {
    const key = leaseKey(lease);
    this.#watchers.set(key, watcher);
    return () => this.#watchers.delete(key);
  }
}

/** Identifies a lease: each fencing token of a name is granted once. */
type LeaseIdentity = Pick<LeaseEvent, 'name' | 'fencingToken'>;

const leaseKey = ({ name, fencingToken }: LeaseIdentity): string => `${fencingToken} ${name}`;

const NEWS: Record<LeaseNews['type'], true> = {
  renewed: true,
  renewalFailed: true,
  lost: true,
  released: true,
  releaseRefused: true,
};

const isLeaseNews = (event: LockEvent): event is LeaseNews => Object.hasOwn(NEWS, event.type);
