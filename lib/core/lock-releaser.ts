import { Bag, type BagMember } from '../common/bag.js';
import type { Clock } from '../common/clock.js';
import { Deadlines } from '../common/deadlines.js';
import type { LockStoreError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { OutageLog } from '../common/outage-log.js';
import { runOutside } from '../common/outside.js';
import { Pause } from '../common/pause.js';
import {
  recordsCompletion,
  type LockStore,
  type OwnerReply,
  type ReleaseRequest,
} from '../stores/lock-store.js';
import type { HeldLease } from './held-lease.js';

/** Milliseconds before the second attempt to release a lock; doubles up to the longest. */
const FIRST_RETRY = 50;
/**
 * The longest such pause while the store is away. Short, so that the next waiter gets the lock soon after the store is
 * back.
 */
const LONGEST_RETRY = 500;
/** The longest pause if the store refuses until an operator corrects something. */
const SLOWEST_RETRY = 5000;
/** Milliseconds for which the caller of a release waits for the reply at most. */
const PATIENCE = 250;

/** The release of one acquisition. */
export interface Release extends ReleaseRequest {
  /** Used instead of the common logger. */
  readonly logger?: LockLogger | undefined;
}

/** Is told what becomes of the release of a lease. */
interface ReleaseListener {
  /** Called with the store's reply; undefined if there will be none. `inTime`: while the caller still waited. */
  released(lease: HeldLease, reply: OwnerReply | undefined, inTime: boolean): void;
  /** Called once if the store refuses the release permanently. */
  releaseRefused(lease: HeldLease, error: LockStoreError): void;
  /** Called when the caller no longer waits, and again when a later reply has arrived. */
  left(lease: HeldLease): void;
}

/** A lease whose caller waits for its release. */
interface Waited {
  readonly lease: HeldLease;
  readonly listener: ReleaseListener;
  readonly resolve: () => void;
}

/** A release that the store has not answered. */
interface Pending extends BagMember {
  readonly request: Release;
  readonly waited: Waited | undefined;
  /**
   * Whether it records a success. Until then the lock is renewed, because its next holder would do the same work again.
   */
  readonly records: boolean;
  /** Until when the store keeps the lock. */
  keptUntil: number;
  isRefusalTold: boolean;
}

/** What the releaser needs. */
export interface ReleaserParts {
  readonly store: LockStore;
  readonly commandTimeout: number;
  readonly logger: LockLogger;
  readonly outages: OutageLog;
  readonly clock: Clock;
}

/** Releases locks. If the store does not answer, it retries in the background until it does. */
export class LockReleaser {
  readonly #parts: ReleaserParts;
  readonly #pending = new Bag<Pending>();
  readonly #patience: Deadlines;
  readonly #closing = new AbortController();
  #onIdle: (() => void) | undefined;
  /** Whether a permanent refusal was logged since the last release that was answered. */
  #refusalTold = false;

  constructor(parts: ReleaserParts) {
    this.#parts = parts;
    // The process must not end while a caller awaits a release.
    this.#patience = new Deadlines(parts.clock, { keepAlive: true });
  }

  /** Resolves when the store has answered, or after PATIENCE. Never rejects. The listener may be called after that. */
  release(lease: HeldLease, listener: ReleaseListener): Promise<void> {
    return new Promise((resolve) => void this.#release(lease, { lease, listener, resolve }));
  }

  /** Releases an acquisition that is void, in the background. */
  withdraw(request: Release): void {
    void this.#release(request);
  }

  async #release(request: Release, waited?: Waited): Promise<void> {
    const { store, clock, commandTimeout } = this.#parts;
    const now = clock.now();
    const records = request.end === 'completed' && recordsCompletion(request.claim);
    const keptUntil = now + request.ttl;
    const pending: Pending = { request, waited, records, keptUntil, isRefusalTold: false, bagIndex: -1 };
    const patience = waited && this.#patience.add(now + PATIENCE, () => leave(waited));
    this.#pending.add(pending);
    let reply: OwnerReply | undefined;
    try {
      if (!this.#closing.signal.aborted) reply = await store.release(request, commandTimeout);
    } catch (error) {
      reply = await runOutside(() => this.#goOn(pending, error));
    }
    this.#pending.remove(pending);
    if (this.#pending.size === 0) this.#onIdle?.();
    if (!waited || !patience) return;
    const inTime = this.#patience.cancel(patience);
    waited.listener.released(waited.lease, reply, inTime);
    leave(waited);
  }

  /** Waits for pending releases for the time of one command, then gives up. */
  async close(): Promise<void> {
    const { clock, commandTimeout, logger } = this.#parts;
    if (this.#pending.size > 0) {
      const idle = new Pause(clock, { signals: [] });
      this.#onIdle = idle.wake;
      await idle.for(commandTimeout);
    }
    // Two acquisitions of one lock may end at the same time.
    const left = new Map(this.#pending.all().map(({ request }) => [request.name, request.logger ?? logger]));
    for (const [name, log] of left)
      log.warn(messages.couldNotRelease(name, new Error(messages.storeClosed())));
    this.#closing.abort();
    this.#patience.rest();
  }

  async #goOn(item: Pending, firstError: unknown): Promise<OwnerReply | undefined> {
    const { signal } = this.#closing;
    // It must not keep the process alive: a lock that cannot be released expires.
    const pause = new Pause(this.#parts.clock, { signals: [signal], ref: false });
    let failure = firstError as Partial<LockStoreError>;
    let mayHaveRun = false;
    for (let delay = FIRST_RETRY; ; delay *= 2) {
      mayHaveRun ||= failure.mayHaveRun ?? true;
      if (!signal.aborted) this.#tell(item, failure as LockStoreError);
      await pause.for(Math.min(delay, longestPause(item, failure)));
      if (signal.aborted) return undefined;
      await this.#keep(item);
      // Otherwise such releases would pile up for as long as the process lives.
      if (failure.permanent && this.#parts.clock.now() > item.keptUntil) return undefined;
      try {
        const reply = await this.#parts.store.release(item.request, this.#parts.commandTimeout);
        this.#answered();
        // An earlier attempt may have freed the lock although its reply was lost. Then another holder may have it by
        // now.
        return mayHaveRun ? 'held' : reply;
      } catch (error) {
        failure = error as Partial<LockStoreError>;
      }
    }
  }

  /** Renews the lock when a third of its time is over, as the keeper did. */
  async #keep(item: Pending): Promise<void> {
    const { store, clock, commandTimeout } = this.#parts;
    const { ttl } = item.request;
    const now = clock.now();
    if (!item.records || now < item.keptUntil - (ttl * 2) / 3) return;
    try {
      const [reply] = await store.renew([item.request], commandTimeout);
      if (reply === 'held') item.keptUntil = now + ttl;
    } catch {
      // The release is sent in any case, and reports the error.
    }
  }

  #tell(item: Pending, error: LockStoreError): void {
    const { request, records } = item;
    const { store, logger, outages } = this.#parts;
    if (!error.refused) return;
    if (!error.permanent) {
      outages.begin(store.description, error.cause, 'release');
      return;
    }
    if (!item.isRefusalTold) item.waited?.listener.releaseRefused(item.waited.lease, error);
    item.isRefusalTold = true;
    if (this.#refusalTold) return;
    this.#refusalTold = true;
    (request.logger ?? logger).error(messages.releaseRefused(request.name, error.cause, records));
  }

  #answered(): void {
    this.#refusalTold = false;
    this.#parts.outages.end('release');
  }
}

function leave({ lease, listener, resolve }: Waited): void {
  listener.left(lease);
  resolve();
}

function longestPause({ records, request }: Pending, { permanent }: Partial<LockStoreError>): number {
  return Math.min(permanent ? SLOWEST_RETRY : LONGEST_RETRY, records ? request.ttl / 3 : Infinity);
}
