import { EventEmitter, captureRejectionSymbol } from 'node:events';
import { escapeBraces } from '../common/braces.js';
import { checkOptions, type KnownOptions } from '../common/check-options.js';
import { LockStoreError, type LockLostError } from '../common/errors.js';
import { loggerOf, type LockLogger, type LoggerWithLevels } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { checkContents } from './holder.js';
import { LEASE_OPTIONS, resolveTimes, type LeaseOptions, type LeaseTimes } from './lease-options.js';
import type { Lease } from './lease.js';
import type { LeaseNews, LockEvents } from './lock-events.js';
import type { LockState } from './lock-manager.js';
import { checkMadeName } from './lock-name.js';

/** Options of `lock`. */
export interface ExclusiveLockOptions extends LeaseOptions {
  /**
   * Where this object and its lease log; false: nowhere. They log that the lock was acquired twice or is lost, that its
   * release is refused, and errors without a listener.
   *
   * @default the module's `logger`
   */
  readonly logger?: LoggerWithLevels | false | undefined;
}

const LOCK_OPTIONS: KnownOptions<ExclusiveLockOptions> = { ...LEASE_OPTIONS, logger: true };

/** The events of an {@link ExclusiveLock} and the arguments of their listeners. */
export interface ExclusiveLockEvents {
  /** This object holds the lock now. */
  acquired: [key: string];
  /** The lock was renewed. It lives for `ttl` milliseconds from when the renewal was sent. */
  refreshed: [renewal: { readonly key: string; readonly ttl: number }];
  /** The lock was released. Not emitted if this object has acquired the lock again before the store answered. */
  released: [key: string];
  /**
   * A renewal failed. The lock is still held, and the renewal is retried until the lease ends, so there is nothing to
   * do yet. Emitted once until a renewal succeeds.
   */
  renewalFailed: [error: LockStoreError];
  /** The lock is no longer held, although it was not released. Without a listener, the object emits `error` instead. */
  lost: [error: LockLostError];
  /**
   * Final: the lock is lost and there is no listener for `lost`, or the store refuses the release permanently, so that
   * others must wait until the lock expires. Without a listener it is logged. It never ends the process.
   */
  error: [error: LockStoreError | LockLostError];
}

type EventName = keyof ExclusiveLockEvents;
type Listener<E extends EventName> = (...args: ExclusiveLockEvents[E]) => void;

/** Node's emitter, typed so that only the events of a lock compile. */
interface LockEmitter extends EventEmitter {
  on<E extends EventName>(event: E, listener: Listener<E>): this;
  once<E extends EventName>(event: E, listener: Listener<E>): this;
  off<E extends EventName>(event: E, listener: Listener<E>): this;
  addListener<E extends EventName>(event: E, listener: Listener<E>): this;
  removeListener<E extends EventName>(event: E, listener: Listener<E>): this;
  prependListener<E extends EventName>(event: E, listener: Listener<E>): this;
  prependOnceListener<E extends EventName>(event: E, listener: Listener<E>): this;
  emit<E extends EventName>(event: E, ...args: ExclusiveLockEvents[E]): boolean;
}

const LockEmitter = EventEmitter as new (options: { captureRejections: boolean }) => LockEmitter;

/** The calls and defaults that a lock object uses. */
export interface LockSource extends LeaseTimes {
  acquire(name: string, options: LeaseOptions, logger: LockLogger): Promise<Lease | null>;
  inspect(name: string): Promise<LockState | null>;
  readonly events: LockEvents;
  readonly prefix: string;
  readonly logger: LockLogger;
}

/**
 * A lock as an object that is acquired and released again and again, as in `exclusive-lock` 2.0.0. While it holds the
 * lock, it renews its lease. See {@link ExclusiveLockEvents} for its events.
 */
export class ExclusiveLock extends LockEmitter {
  /** The name of the lock. */
  readonly name: string;
  /** The key of the lock in Redis: `<prefix>:<name>`. */
  readonly key: string;
  /** Milliseconds after which the lock is free again if its holder dies. */
  readonly ttl: number;
  /** Milliseconds between two renewals. */
  readonly renewEvery: number;
  /** The option `contents`: stored in the lock while this object holds it. */
  readonly contents: unknown;
  readonly #source: LockSource;
  readonly #options: LeaseOptions;
  readonly #logger: LockLogger;
  /** The last lease, released or not. */
  #lease: Lease | undefined;
  /** The acquire() that is under way and was not followed by a release(). */
  #acquiring: Promise<boolean> | undefined;
  /** The release() that waits for an acquire(). */
  #releasing: Promise<void> | undefined;
  #endWatch: (() => void) | undefined;
  /** Whether `renewalFailed` was emitted since the last renewal that succeeded. */
  #failing = false;

  /** @throws LockConfigurationError */
  constructor(name: string, options: ExclusiveLockOptions, source: LockSource) {
    super({ captureRejections: true });
    checkMadeName(name);
    checkOptions(options, LOCK_OPTIONS, 'lock');
    const { logger, ...leaseOptions } = options;
    checkContents(leaseOptions.contents);
    this.name = name;
    this.key = `${source.prefix}:${escapeBraces(name)}`;
    this.#source = source;
    this.#options = leaseOptions;
    const { ttl, renewEvery } = resolveTimes(leaseOptions, source);
    this.ttl = ttl;
    this.renewEvery = renewEvery;
    this.contents = leaseOptions.contents;
    this.#logger = logger === undefined ? source.logger : loggerOf(logger);
  }

  get [Symbol.toStringTag](): string {
    return 'ExclusiveLock';
  }

  /** Whether this object certainly holds the lock. Compares a clock at every call, so it is right even after a pause. */
  get acquired(): boolean {
    return this.lease !== null;
  }

  /** The lease while this object holds the lock, with `fencingToken`, `signal` and `assertHeld()`; else null. */
  get lease(): Lease | null {
    return this.#lease?.held ? this.#lease : null;
  }

  /**
   * Acquires the lock if it is free. If this object holds it already, logs a warning and changes nothing.
   *
   * @returns whether this object holds the lock now; false if somebody else holds it
   * @throws LockStoreError if the store cannot be reached; LockShuttingDownError after the shutdown has begun
   * @example
   * const lock = this.locks.lock('import', { contents: { pod: process.env.POD_NAME } });
   * lock.on('lost', (error) => this.stop(error));
   * if (await lock.acquire()) this.start();
   */
  async acquire(): Promise<boolean> {
    if (this.acquired && !this.#releasing) {
      this.#logger.warn(messages.alreadyAcquired(this.key));
      return true;
    }
    const acquiring = (this.#acquiring ??= this.#acquire());
    try {
      return await acquiring;
    } finally {
      if (this.#acquiring === acquiring) this.#acquiring = undefined;
    }
  }

  /**
   * Returns the holder of the lock, since when it holds the lock, and when the lock expires unless it is renewed; null
   * if the lock is free.
   *
   * @throws LockStoreError if the store cannot be reached
   */
  inspect(): Promise<LockState | null> {
    return this.#source.inspect(this.name);
  }

  /**
   * Releases the lock. Does nothing if this object does not hold it. Never rejects. If the store does not answer within
   * 250 ms, the release is retried in the background until it does.
   */
  async release(): Promise<void> {
    const acquiring = this.#acquiring;
    if (!acquiring) return this.#releasing ?? this.#lease?.release();
    // A later acquire() does not belong to this release.
    this.#acquiring = undefined;
    const releasing = this.#releaseAfter(acquiring);
    this.#releasing = releasing;
    await releasing;
    if (this.#releasing === releasing) this.#releasing = undefined;
  }

  async #releaseAfter(acquiring: Promise<unknown>): Promise<void> {
    await acquiring.catch(() => {});
    await this.#lease?.release();
  }

  /** Node.js calls this when the promise of a listener rejects. */
  override [captureRejectionSymbol](error: Error, event: string): void {
    this.#logger.error(messages.listenerThrew(event, this.key, error));
  }

  async #acquire(): Promise<boolean> {
    // A release may still be under way. Without waiting for it, this object would find its own lock held.
    await (this.#releasing ?? this.#lease?.release());
    const lease = await this.#source.acquire(this.name, this.#options, this.#logger);
    if (!lease) return false;
    // Later events of the last lease would look like events of the new one.
    this.#endWatch?.();
    this.#lease = lease;
    this.#failing = false;
    this.#endWatch = this.#source.events.watch(lease, (news) => this.#hear(news));
    this.#tell('acquired', this.key);
    return true;
  }

  #hear(news: LeaseNews): void {
    switch (news.type) {
      case 'renewed':
        this.#failing = false;
        this.#tell('refreshed', { key: this.key, ttl: this.ttl });
        return;
      case 'renewalFailed':
        // This event repeats many times while the store is away.
        if (!this.#failing) this.#tellRenewalFailed(news.error);
        return;
      case 'released':
        this.#endWatch?.();
        this.#tell('released', this.key);
        return;
      case 'releaseRefused':
        this.#tell('error', news.error);
        return;
      case 'lost':
        this.#endWatch?.();
        this.#tell(this.listenerCount('lost') > 0 ? 'lost' : 'error', news.error);
        // The caller has no reason to release a lost lock, and a shutdown would wait for that.
        void this.#lease?.release();
    }
  }

  #tellRenewalFailed(cause: LockStoreError | undefined): void {
    this.#failing = true;
    const error = cause ?? new LockStoreError(messages.notRenewed(this.name), { mayHaveRun: true });
    this.#tell('renewalFailed', error);
  }

  /** Listeners run inside the code that renews leases, so their errors must not reach it. */
  #tell<E extends EventName>(event: E, ...args: ExclusiveLockEvents[E]): void {
    if (event === 'error' && this.listenerCount('error') === 0) {
      this.#logger.error(messages.unheardError(this.key, args[0]));
      return;
    }
    try {
      this.emit(event, ...args);
    } catch (error) {
      this.#logger.error(messages.listenerThrew(event, this.key, error));
    }
  }
}
