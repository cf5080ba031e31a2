import { wallTime } from '../common/clock.js';
import { LockStoreError, LockTimeoutError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { Pause } from '../common/pause.js';
import type { AcquireReply, QueueGrant } from '../stores/lock-store.js';
import { AcquireRequests, LEAST_LEFT, type RequestParts } from './acquire-requests.js';
import type { AcquisitionNews } from './acquisition-news.js';
import { parseHolder } from './holder.js';
import type { HeldLease } from './held-lease.js';
import type { LocalPlace, LocalQueues } from './local-queue.js';
import { pausedBy, type Skipped } from './outcome.js';
import type { Shutdown } from './shutdown.js';
import {
  patienceFor,
  pauseUntilDue,
  pauseWhileAway,
  pauseWhileBusy,
  runsTheSameTick,
  tickInStep,
  timeLeft,
  whenToGiveUp,
  type Seen,
  type WaitLimits,
} from './wait-policy.js';
import type { Acquired, Wanted } from './wanted.js';
import type { Failed } from './watched-store.js';

/** What an acquisition works with. */
export interface AcquisitionParts extends RequestParts {
  readonly shutdown: Shutdown;
  readonly queues: LocalQueues;
  readonly news: AcquisitionNews;
}

/** Where an acquisition stands. */
type State =
  /** The store is asked now. */
  | { readonly is: 'asking' }
  /** It is asked again after `ms`, or at news of the queue: others hold the lock, or are before it, or it is not time. */
  | { readonly is: 'waiting'; readonly ms: number; readonly queued?: Queued | undefined }
  | { readonly is: 'granted'; readonly lease: HeldLease; readonly reply: Told }
  | { readonly is: 'refused'; readonly outcome: Skipped };

/** Queued by the store. */
interface Queued {
  /** The moment before the request was sent that was answered so, on the keeper's clock. */
  readonly askedAt: number;
  /** Every grant after that answer has a higher token; undefined if the store does not report grants. */
  readonly lastToken: number | undefined;
}

/** What a grant says besides. */
type Told = Pick<AcquireReply, 'now' | 'idleSince'>;
type Busy = Extract<AcquireReply, { status: 'busy' }>;
type Granted = Extract<AcquireReply, { status: 'granted' }>;
type Behind = Extract<AcquireReply, { status: 'behind' }>;

const ASKING: State = { is: 'asking' };
/** A store that takes longer to answer than this was away meanwhile, in milliseconds. */
const LONG_ASKED = 1000;

/**
 * One call that wants a lock, from its beginning to its end: it asks the store, and again while there is something to wait
 * for.
 */
export class Acquisition {
  readonly #wanted: Wanted;
  readonly #parts: AcquisitionParts;
  readonly #since: number;
  /** Aborts when the shutdown refuses it. */
  readonly #refusal: AbortSignal;
  readonly #requests: AcquireRequests;
  /** Tells the next ticks as long as it is not known whether this replica's clock is behind. */
  #following: Wanted['following'];
  /** Among the calls of this process that wait for the lock; undefined if it does not wait behind them. */
  readonly #place: LocalPlace | undefined;
  #seen: Seen = {};
  #standsBy = false;
  #retryUntil: number | undefined;
  /** What the store has reported since it was asked last. */
  #grant: QueueGrant | undefined;
  #unwatch: (() => void) | undefined;
  /** Made when first needed: most acquisitions are answered at once. */
  #pauseMade: Pause | undefined;
  /** Whether it had to wait for another holder, or for the store. */
  #hasWaited = false;
  /** Whether the store was away for a while. */
  #wasAway = false;

  constructor(wanted: Wanted, parts: AcquisitionParts) {
    const { clock, shutdown, queues } = parts;
    this.#wanted = wanted;
    this.#parts = parts;
    this.#since = clock.now();
    // The scheduler goes on calling while an application shuts down.
    this.#refusal = shutdown.refusal(wanted.scheduled);
    this.#requests = new AcquireRequests(wanted, parts);
    // A late tick is one of the past for any clock.
    const isLate = wanted.claim?.kind === 'tick' && wanted.claim.missed !== undefined;
    this.#following = isLate ? undefined : wanted.following;
    // A call that wants a run is queued at the store by itself, and asks now and then whether others have run it.
    if (wanted.wait > 0 && !wanted.claim) this.#place = queues.enter(wanted.name, this.#pause);
  }

  /**
   * Resolves to the lease, or to the reason why there is none.
   *
   * @throws LockTimeoutError when the time to wait for others is over; the reason of the signal when that aborts
   */
  async run(): Promise<Acquired | Skipped> {
    const { shutdown, news } = this.#parts;
    let lease: HeldLease | undefined;
    shutdown.askingBegins();
    try {
      const decided = await this.#decide();
      if (decided.is === 'refused') {
        if (this.#hasWaited) this.#tellWaited(false);
        news.skipped(this.#wanted, decided.outcome, this.#since);
        return decided.outcome;
      }
      ({ lease } = decided);
      const { reply } = decided;
      if (this.#hasWaited) this.#tellWaited(true);
      const wasAway = this.#wasAway && this.#wanted.retryFor !== undefined;
      news.acquired(this.#wanted, lease, reply, this.#since, wasAway);
      return { status: 'acquired', lease, now: reply.now };
    } catch (error) {
      if (this.#hasWaited || error instanceof LockTimeoutError) this.#tellWaited(false);
      throw error;
    } finally {
      this.#unwatch?.();
      this.#place?.leave();
      // The store is closed after that: a waiter has left the queue by then.
      this.#requests.end(() => shutdown.askingEnds());
    }
  }

  async #decide(): Promise<Extract<State, { is: 'granted' | 'refused' }>> {
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

  /** The shutdown waits for scheduled work that runs, and not for work that would begin now. */
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

  /** Whether the store may be asked now. */
  #beforeAsking(queued?: Queued): State {
    this.#wanted.signal?.throwIfAborted();
    if (this.#refusal.aborted) return this.#shutDown();
    const place = this.#place;
    if (place) this.#seen = place.seen;
    if (place && !place.isFirst) {
      this.#hasWaited = true;
      return this.#wait(Infinity);
    }
    // The store is not asked again when the time is over.
    if (this.#hasWaited) this.#left();
    if (this.#wanted.wait > 0) this.#watch();
    return (queued && this.#takeGrant(queued)) ?? ASKING;
  }

  /** Resolves to the reply, unless the caller goes first. */
  #ask(): Promise<AcquireReply | Failed> {
    const { wait, signal } = this.#wanted;
    this.#grant = undefined;
    // The clock is read once for a call that asks at once.
    const isFirst = this.#requests.askedAt < 0 && !this.#hasWaited;
    const now = isFirst ? this.#since : this.#parts.clock.now();
    const waited = wait > 0 ? now - this.#since : undefined;
    const asked = this.#requests.send(now, this.#following !== undefined, waited);
    const patience = wait === 0 ? Infinity : patienceFor(this.#limits, now);
    return patience === Infinity && !signal ? asked : this.#inTime(asked, patience);
  }

  /** @throws LockTimeoutError when the caller's time is over; the reason of its signal when that aborts */
  async #inTime<T>(asked: Promise<T>, patience: number): Promise<T> {
    const { signal } = this.#wanted;
    const pause = new Pause(this.#parts.clock, { signals: signal ? [signal] : [] });
    let isAnswered = false;
    void asked.then(() => {
      isAnswered = true;
      pause.wake();
    });
    await pause.for(patience);
    if (isAnswered) return asked;
    signal?.throwIfAborted();
    throw timeout(this.#wanted, this.#seen);
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
        return this.#behind(reply);
      case 'early': {
        const ms = pauseUntilDue(reply.by);
        return ms === undefined ? refused('early') : { is: 'waiting', ms };
      }
      case 'done':
        return refused('done');
      case 'paused':
        return {
          is: 'refused',
          outcome: { status: 'skipped', reason: 'paused', pause: pausedBy(reply.pause) },
        };
    }
  }

  #granted(reply: Granted): State {
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

  #busy(reply: Busy): State {
    const { name } = this.#wanted;
    const { remaining, queued, lastToken } = reply;
    const holder = parseHolder(reply);
    this.#parts.news.heldBy(name, holder);
    this.#see({ holder });
    this.#standsBy ||= runsTheSameTick(this.#requests.claim, holder);
    const ms = pauseWhileBusy(this.#limits, remaining, queued === true);
    if (ms === undefined)
      return { is: 'refused', outcome: { status: 'skipped', reason: 'busy', holder, remaining } };
    this.#hasWaited = true;
    return this.#wait(ms, queued ? { askedAt: this.#requests.askedAt, lastToken } : undefined);
  }

  /** The next request has the same owner and finds whatever this one was granted. */
  #failed(error: LockStoreError): State {
    this.#wasAway = true;
    this.#see({ holder: this.#seen.holder, failure: error });
    this.#retryUntil ??= whenToGiveUp(this.#wanted, this.#since, this.#parts.clock);
    const ms = pauseWhileAway(this.#limits, this.#parts.clock.now());
    if (ms === undefined)
      return { is: 'refused', outcome: { status: 'skipped', reason: 'store-unavailable', error } };
    this.#hasWaited = true;
    return this.#wait(ms);
  }

  /** The store's clock is ahead of this replica's, or the request was long on its way. That is settled by one answer. */
  #behind({ now }: Behind): State {
    const { claim } = this.#requests;
    const following = this.#following;
    this.#following = undefined;
    if (claim?.kind !== 'tick' || !following || now === undefined) return ASKING;
    const time = tickInStep(claim.time, following, now, wallTime(this.#parts.clock));
    if (time !== claim.time) this.#requests.claimInstead({ ...claim, time });
    return ASKING;
  }

  /** The lock, if the store has given it to this waiter since it was asked last. */
  #takeGrant({ askedAt, lastToken }: Queued): State | undefined {
    const grant = this.#grant;
    const { owner, claim } = this.#requests;
    const { clock, leases } = this.#parts;
    // Of a run, only the store can say that it was not run while this one was queued.
    if (claim || grant?.owner !== owner || lastToken === undefined) return undefined;
    const { fencingToken, keptFor } = grant;
    // It may have been over before the last request, and this message late.
    if (fencingToken <= lastToken) return undefined;
    // It was granted after that request, so it is kept from then at least. Too little of that may be left.
    const now = clock.now();
    if (now - askedAt > keptFor * (1 - LEAST_LEFT)) return undefined;
    this.#requests.becameLease();
    const lease = leases.issue(this.#wanted, owner, undefined, { fencingToken, askedAt, now, keptFor });
    return { is: 'granted', lease, reply: {} };
  }

  #watch(): void {
    this.#unwatch ??= this.#parts.store.watch(this.#wanted.name, (grant) => {
      if (grant) this.#grant = grant;
      this.#pause.wake();
    });
  }

  #wait(ms: number, queued?: Queued): State {
    return { is: 'waiting', ms: Math.min(ms, this.#left()), queued };
  }

  /** @throws LockTimeoutError when the time to wait is over */
  #left(): number {
    const left = timeLeft(this.#limits, this.#seen, this.#parts.clock.now());
    if (left === 0) throw timeout(this.#wanted, this.#seen);
    return left;
  }

  #see(seen: Seen): void {
    this.#seen = seen;
    if (this.#place) this.#place.seen = seen;
  }

  /** The outcome says why the store could not be asked, if the run has waited for the store. */
  #shutDown(): Extract<State, { is: 'refused' }> {
    const error = this.#wasAway ? this.#seen.failure : undefined;
    return refused('shutting-down', error);
  }

  #tellWaited(granted: boolean): void {
    this.#parts.news.waited(this.#wanted, this.#since, this.#seen.holder, granted);
  }
}

function timeout({ name, wait }: Wanted, { holder, failure }: Seen): LockTimeoutError {
  // Without a holder no answer has come yet.
  const cause =
    failure ?? (holder ? undefined : new LockStoreError(messages.notAnsweredYet(), { mayHaveRun: false }));
  return new LockTimeoutError(messages.timedOut(name, wait, holder?.replica, cause), { holder, cause });
}

function refused(reason: 'done' | 'early'): State;
function refused(reason: 'shutting-down', error?: LockStoreError): Extract<State, { is: 'refused' }>;
function refused(reason: 'done' | 'early' | 'shutting-down', error?: LockStoreError): State {
  return { is: 'refused', outcome: { status: 'skipped', reason, ...(error && { error }) } as Skipped };
}
