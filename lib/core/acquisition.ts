import { LockStoreError, LockTimeoutError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { Pause, comesInTime } from '../common/pause.js';
import type { AcquireReply } from '../stores/lock-store.js';
import { AcquireRequests, LEAST_LEFT, type RequestParts } from './acquire-requests.js';
import type { AcquisitionNews } from './acquisition-news.js';
import {
  ASKING,
  refused,
  refusedAs,
  refusedAtShutdown,
  type RefusedState,
  type State,
} from './acquisition-state.js';
import { parseHolder } from './holder.js';
import type { LocalPlace, LocalQueues } from './local-queue.js';
import type { Skipped } from './outcome.js';
import { QueueWatch, type Queued } from './queue-watch.js';
import type { Shutdown } from './shutdown.js';
import {
  patienceFor,
  pauseUntilDue,
  pauseWhileAway,
  pauseWhileBusy,
  runsTheSameTick,
  timedOut,
  timeLeft,
  whenToGiveUp,
  type Seen,
  type WaitLimits,
} from './wait-policy.js';
import type { Acquired, Wanted } from './wanted.js';
import type { Failed } from './watched-store.js';

/** What an acquisition needs. */
export interface AcquisitionParts extends RequestParts {
  readonly shutdown: Shutdown;
  readonly queues: LocalQueues;
  readonly news: AcquisitionNews;
}

type Reply<S> = Extract<AcquireReply, { status: S }>;
/** Milliseconds. A store that takes longer than this to answer counts as having been away. */
const LONG_ASKED = 1000;

/**
 * One call that requests a lock, from its beginning to its end: it asks the store, and asks again while there is something
 * to wait for.
 */
export class Acquisition {
  readonly #wanted: Wanted;
  readonly #parts: AcquisitionParts;
  readonly #since: number;
  /** Aborts when the shutdown refuses the call. */
  readonly #refusal: AbortSignal;
  readonly #requests: AcquireRequests;
  /** Its place among the calls of this process that wait for the lock; undefined if it does not queue behind them. */
  readonly #place: LocalPlace | undefined;
  #seen: Seen = {};
  #standsBy = false;
  #retryUntil: number | undefined;
  /** Present if the call waits. */
  #queueWatch: QueueWatch | undefined;
  /** Made when first needed: most acquisitions are answered at once. */
  #pauseMade: Pause | undefined;
  /** Whether it has waited for another holder or for the store. */
  #hasWaited = false;
  /** Whether the store was away for a while. */
  #wasAway = false;

  constructor(wanted: Wanted, parts: AcquisitionParts) {
    const { clock, shutdown, queues } = parts;
    this.#wanted = wanted;
    this.#parts = parts;
    this.#since = clock.now();
    // The scheduler keeps calling while an application shuts down.
    this.#refusal = shutdown.refusal(wanted.scheduled);
    this.#requests = new AcquireRequests(wanted, parts);
    // A call with a claim is queued at the store itself, and asks now and then whether the run is done.
    if (wanted.wait > 0 && !wanted.claim) this.#place = queues.enter(wanted.name, this.#pause);
  }

  /**
   * Resolves to the lease, or to the reason why the call was skipped.
   *
   * @throws LockTimeoutError when the time to wait is over; the reason of the signal when that aborts
   */
  async run(): Promise<Acquired | Skipped> {
    const { shutdown, news } = this.#parts;
    shutdown.askingBegins();
    try {
      const decided = await this.#decide();
      if (this.#hasWaited) this.#tellWaited(decided.is === 'granted');
      if (decided.is === 'refused') {
        news.skipped(this.#wanted, decided.outcome, this.#since);
        return decided.outcome;
      }
      const { lease, reply } = decided;
      const wasAway = this.#wasAway && this.#wanted.retryFor !== undefined;
      news.acquired(this.#wanted, lease, reply, this.#since, wasAway);
      return { status: 'acquired', lease, now: reply.now };
    } catch (error) {
      if (this.#hasWaited || error instanceof LockTimeoutError) this.#tellWaited(false);
      throw error;
    } finally {
      this.#queueWatch?.stop();
      this.#place?.leave();
      // The shutdown closes the store after that, so a waiter must have left the queue by then.
      this.#requests.end(() => shutdown.askingEnds());
    }
  }

  async #decide(): Promise<Exclude<State, { is: 'asking' | 'waiting' }>> {
    let state = this.#beforeAsking();
    for (;;) {
      switch (state.is) {
        case 'asking':
          state = this.#afterReply(await this.#ask());
          break;
        case 'waiting':
          await this.#pause.for(state.ms);
          state = this.#beforeAsking(state.queued);
          break;
        case 'granted':
          if (!this.#isTooLate && !this.#wanted.signal?.aborted) return state;
          state.lease.withdraw();
          if (this.#isTooLate) this.#parts.news.grantedTooLate(this.#wanted.name, state.lease.claim);
          state = this.#beforeAsking();
          break;
        case 'refused':
          return this.#isTooLate ? this.#shutDown() : state;
      }
    }
  }

  /** Whether the shutdown no longer lets the work begin. It waits only for scheduled work that already runs. */
  get #isTooLate(): boolean {
    return this.#wanted.scheduled && this.#refusal.aborted;
  }

  get #pause(): Pause {
    const { signal } = this.#wanted;
    const signals = signal ? [this.#refusal, signal] : [this.#refusal];
    return (this.#pauseMade ??= new Pause(this.#parts.clock, { signals }));
  }

  get #limits(): WaitLimits {
    const { wait } = this.#wanted;
    return { since: this.#since, wait, retryUntil: this.#retryUntil, standsBy: this.#standsBy };
  }

  /** Decides whether the next request may be sent now. */
  #beforeAsking(queued?: Queued): State {
    this.#wanted.signal?.throwIfAborted();
    if (this.#refusal.aborted) return this.#shutDown();
    const place = this.#place;
    if (place) this.#seen = place.seen;
    if (place && !place.isFirst) {
      this.#hasWaited = true;
      return this.#wait(Infinity);
    }
    // No further request is sent when the time is over.
    if (this.#hasWaited) this.#left();
    if (this.#wanted.wait > 0) this.#watch.start();
    return (queued && this.#takeGrant(queued)) ?? ASKING;
  }

  /** Resolves to the reply, unless the time of the caller is over before. */
  #ask(): Promise<AcquireReply | Failed> {
    const { wait, signal } = this.#wanted;
    this.#queueWatch?.forget();
    // A call that asks at once reads the clock only once.
    const isFirst = this.#requests.askedAt < 0 && !this.#hasWaited;
    const now = isFirst ? this.#since : this.#parts.clock.now();
    const waited = wait > 0 ? now - this.#since : undefined;
    const asked = this.#requests.send(now, waited);
    const patience = wait === 0 ? Infinity : patienceFor(this.#limits, now);
    return patience === Infinity && !signal ? asked : this.#inTime(asked, patience);
  }

  /** @throws LockTimeoutError when the caller's time is over; the reason of its signal when that aborts */
  async #inTime<T>(asked: Promise<T>, patience: number): Promise<T> {
    const { signal } = this.#wanted;
    if (await comesInTime(asked, patience, this.#parts.clock, signal)) return asked;
    signal?.throwIfAborted();
    throw timedOut(this.#wanted, this.#seen);
  }

  #afterReply(reply: AcquireReply | Failed): State {
    const { clock, news } = this.#parts;
    const { retryFor } = this.#wanted;
    const { claim, askedAt, wallAskedAt } = this.#requests;
    if (retryFor !== undefined && clock.now() - askedAt > LONG_ASKED) this.#wasAway = true;
    this.#requests.read(reply);
    if (reply.status === 'failed') return this.#failed(reply.error);
    if (claim) news.observe(this.#wanted, claim, reply, wallAskedAt);
    switch (reply.status) {
      case 'granted':
        return this.#granted(reply);
      case 'busy':
        return this.#busy(reply);
      case 'behind':
        this.#requests.clockIsBehind(reply.now);
        return ASKING;
      case 'early': {
        const ms = pauseUntilDue(reply.by);
        return ms === undefined ? refusedAs(reply) : { is: 'waiting', ms };
      }
      case 'done':
      case 'paused':
        return refusedAs(reply);
    }
  }

  #granted(reply: Reply<'granted'>): State {
    const { clock, leases } = this.#parts;
    const { name, ttl } = this.#wanted;
    const { askedAt, owner, claim } = this.#requests;
    const { fencingToken } = reply;
    const now = clock.now();
    const elapsed = now - askedAt;
    if (ttl - elapsed < ttl * LEAST_LEFT) {
      this.#requests.leftUnused();
      const message = messages.answeredTooLate(name, elapsed, ttl);
      return this.#failed(new LockStoreError(message, { mayHaveRun: true }));
    }
    if (this.#seen.failure) this.#see({ holder: this.#seen.holder });
    this.#requests.becameLease();
    const lease = leases.issue(this.#wanted, owner, claim, { fencingToken, askedAt, now });
    return { is: 'granted', lease, reply };
  }

  #busy(reply: Reply<'busy'>): State {
    const { remaining, queued, lastToken } = reply;
    const holder = parseHolder(reply);
    this.#parts.news.heldBy(this.#wanted.name, holder);
    this.#see({ holder });
    this.#standsBy ||= runsTheSameTick(this.#requests.claim, holder);
    const ms = pauseWhileBusy(this.#limits, remaining, queued === true);
    if (ms === undefined) return refused({ status: 'skipped', reason: 'busy', holder, remaining });
    this.#hasWaited = true;
    return this.#wait(ms, queued ? { askedAt: this.#requests.askedAt, lastToken } : undefined);
  }

  /** The next request has the same owner, so it finds whatever this one was granted. */
  #failed(error: LockStoreError): State {
    this.#wasAway = true;
    this.#see({ holder: this.#seen.holder, failure: error });
    this.#retryUntil ??= whenToGiveUp(this.#wanted, this.#since, this.#parts.clock);
    const ms = pauseWhileAway(this.#limits, this.#parts.clock.now());
    if (ms === undefined) return refused({ status: 'skipped', reason: 'store-unavailable', error });
    this.#hasWaited = true;
    return this.#wait(ms);
  }

  /** The lock, if the store has handed it to this waiter since the last request. */
  #takeGrant(queued: Queued): State | undefined {
    const { owner, claim } = this.#requests;
    const { clock, leases } = this.#parts;
    // Only the store knows whether a run was done while this call was queued.
    if (claim) return undefined;
    const now = clock.now();
    const grant = this.#watch.grantTo(owner, queued, now);
    if (!grant) return undefined;
    this.#requests.becameLease();
    const { askedAt } = queued;
    const lease = leases.issue(this.#wanted, owner, undefined, { ...grant, askedAt, now });
    return { is: 'granted', lease, reply: {} };
  }

  get #watch(): QueueWatch {
    const { store } = this.#parts;
    return (this.#queueWatch ??= new QueueWatch(this.#wanted.name, store, () => this.#pause.wake()));
  }

  #wait(ms: number, queued?: Queued): State {
    return { is: 'waiting', ms: Math.min(ms, this.#left()), queued };
  }

  /** @throws LockTimeoutError when the time to wait is over */
  #left(): number {
    const left = timeLeft(this.#limits, this.#seen, this.#parts.clock.now());
    if (left === 0) throw timedOut(this.#wanted, this.#seen);
    return left;
  }

  #see(seen: Seen): void {
    this.#seen = seen;
    if (this.#place) this.#place.seen = seen;
  }

  #shutDown(): RefusedState {
    return refusedAtShutdown(this.#wasAway ? this.#seen.failure : undefined);
  }

  #tellWaited(granted: boolean): void {
    this.#parts.news.waited(this.#wanted, this.#since, this.#seen.holder, granted);
  }
}
