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
   * Where this object and its lease log: that it was acquired twice, that it is lost, that its release is refused, that
   * nobody listens to an error; false: nowhere.
   *
   * @default the module's `logger`
   */
  readonly logger?: LoggerWithLevels | false | undefined;
}

const LOCK_OPTIONS: KnownOptions<ExclusiveLockOptions> = { ...LEASE_OPTIONS, logger: true };

/** The events of an {@link ExclusiveLock} and the arguments of their listeners. */
export interface ExclusiveLockEvents {
  /** This object has the lock now. */
  acquired: [key: string];
  /** The lock was renewed; it lives for `ttl` milliseconds from when that was asked for. */
  refreshed: [renewal: { readonly key: string; readonly ttl: number }];
  /** The lock was released. Not emitted if this object has acquired the lock again before the store answered. */
  released: [key: string];
  /**
   * A renewal failed. The lock is still held, and the renewal is tried again until the lease ends: there is nothing to do
   * yet. Emitted once until a renewal succeeds.
   */
  renewalFailed: [error: LockStoreError];
  /** The lock is not held any more, though nobody released it. Without a listener it is emitted as `error`. */
  lost: [error: LockLostError];
  /**
   * Something final happened: the lock is lost and nobody listens to `lost`, or the store refuses the release for good,
   * so that others must wait until the lock expires. Without a listener it is logged; it never ends the process.
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
 * One lock as an object that is acquired and released again and again, as in `exclusive-lock` 2.0.0. A lease that
 * it has is renewed until it is released. See {@link ExclusiveLockEvents} for its events.
 */
export class ExclusiveLock extends LockEmitter {
  /** The name of the lock. */
  readonly name: string;
  /** What the lock is called in Redis: `<prefix>:<name>`. */
  readonly key: string;
  /** Milliseconds after which the lock is free again if its holder dies. */
  readonly ttl: number;
  /** Milliseconds between two renewals. */
  readonly renewEvery: number;
  /** What is kept in the lock while this object has it, as given. */
  readonly contents: unknown;
  readonly #source: LockSource;
  readonly #options: LeaseOptions;
  readonly #logger: LockLogger;
  /** The last one, released or not. */
  #lease: Lease | undefined;
  /** The acquire() that is on its way, and was not released yet. */
  #acquiring: Promise<boolean> | undefined;
  /** The release() that waits for an acquire(). */
  #releasing: Promise<void> | undefined;
  #endWatch: (() => void) | undefined;
  /** Renewals fail, and that was told. */
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

  /** Whether this object certainly has the lock. Compares the clock at every call, so it is right even after a pause. */
  get acquired(): boolean {
    return this.lease !== null;
  }

  /** The lease while this object has the lock, for its `fencingToken`, `signal` and `assertHeld()`; else null. */
  get lease(): Lease | null {
    return this.#lease?.held ? this.#lease : null;
  }

  /**
   * Takes the lock if it is free. Warns, and changes nothing, if this object has it already.
   *
   * @returns whether this object has the lock now; false if somebody else has it
   * @throws LockStoreError when the store cannot be asked; LockShuttingDownError after the shutdown has begun
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
   * The holder of the lock, since when, and for how long unless it is renewed; null if the lock is free.
   *
   * @throws LockStoreError when the store cannot be asked
   */
  inspect(): Promise<LockState | null> {
    return this.#source.inspect(this.name);
  }

  /**
   * Releases the lock; does nothing if this object does not have it. Never throws. Where the store does not answer
   * within 250 ms, it goes on in the background until it does.
   */
  async release(): Promise<void> {
    const acquiring = this.#acquiring;
    if (!acquiring) return this.#releasing ?? this.#lease?.release();
    // An acquire() after this is another one.
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

  /** Node calls it when a listener's promise is rejected. */
  override [captureRejectionSymbol](error: Error, event: string): void {
    this.#logger.error(messages.listenerThrew(event, this.key, error));
  }

  async #acquire(): Promise<boolean> {
    // Still on its way back, maybe: it would be found to be held.
    await (this.#releasing ?? this.#lease?.release());
    const lease = await this.#source.acquire(this.name, this.#options, this.#logger);
    if (!lease) return false;
    // What is told of the last lease from now on would be taken for news of this one.
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
        // Repeated many times while a store is away.
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
        // The caller has no reason to release a lost lock, and a shutdown would wait until it does.
        void this.#lease?.release();
    }
  }

  #tellRenewalFailed(cause: LockStoreError | undefined): void {
    this.#failing = true;
    const error = cause ?? new LockStoreError(messages.notRenewed(this.name), { mayHaveRun: true });
    this.#tell('renewalFailed', error);
  }

  /** Listeners run inside the code that keeps leases, so an error of theirs must not reach it. */
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
