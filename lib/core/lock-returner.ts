import { Bag, type BagMember } from '../common/bag.js';
import type { Clock } from '../common/clock.js';
import { Deadlines } from '../common/deadlines.js';
import type { LockStoreError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import type { OutageLog } from '../common/outage-log.js';
import { runOutside } from '../common/outside.js';
import { Pause } from '../common/pause.js';
import type {
  LockStore,
  OwnerReply,
  ReleaseRequest,
  RenewRequest,
  UndoRequest,
} from '../stores/lock-store.js';

/** Milliseconds before the second attempt to give back a lock; doubles up to the longest. */
const FIRST_RETRY = 50;
/** As often as those ask who wait for the store: the next of them must not come much later than it is back. */
const LONGEST_RETRY = 500;
/** The longest where the store refuses until somebody puts something right. */
const SLOWEST_RETRY = 5000;
/** What a release that is not answered may add to the work it ends, in milliseconds. */
const PATIENCE = 250;

/** Where what becomes of its lock is logged, if not where all is. */
interface LoggedOwner {
  readonly logger?: LockLogger | undefined;
}

/** One lock that is to be given back. */
interface Return extends BagMember {
  readonly owner: RenewRequest & LoggedOwner;
  readonly ask: () => Promise<OwnerReply>;
  /** Whether a success is recorded with it. Until then the lock is kept: whoever had it would do the same again. */
  readonly records: boolean;
  /** Until when the store keeps the lock, on the clock. */
  keptUntil: number;
  /** Is called once if the store refuses it for good, and is undefined from then on. */
  onRefused: ((error: LockStoreError) => void) | undefined;
}

/** What somebody wants to know of a release. */
interface ReleaseHandlers {
  /** Is called with the store's answer; undefined when there will be none. `inTime`: it was waited for. */
  readonly answered: (reply: OwnerReply | undefined, inTime: boolean) => void;
  /** Is called once if the store refuses it for good. */
  readonly refused: (error: LockStoreError) => void;
}

/** What the returner works with. */
export interface ReturnerParts {
  readonly store: LockStore;
  readonly commandTimeout: number;
  readonly logger: LockLogger;
  readonly outages: OutageLog;
  readonly clock: Clock;
}

/** Gives locks back: at once where the store answers, else in the background until it does. */
export class LockReturner {
  readonly #parts: ReturnerParts;
  readonly #pending = new Bag<Return>();
  readonly #patience: Deadlines;
  readonly #closing = new AbortController();
  #onIdle: (() => void) | undefined;
  /** It was told that releases are refused for good, and none was answered since. */
  #refusalTold = false;

  constructor(parts: ReturnerParts) {
    this.#parts = parts;
    // Whoever awaits a release must not see the process end before that.
    this.#patience = new Deadlines(parts.clock, { keepAlive: true });
  }

  /** Resolves when the store has answered, or after PATIENCE. Never rejects. The handlers are also called later. */
  giveBack(owner: ReleaseRequest & RenewRequest & LoggedOwner, on: ReleaseHandlers): Promise<void> {
    const { store, commandTimeout, clock } = this.#parts;
    return new Promise((resolve) => {
      let inTime = true;
      const patience = this.#patience.add(clock.now() + PATIENCE, () => {
        inTime = false;
        resolve();
      });
      const ask = (): Promise<OwnerReply> => store.release(owner, commandTimeout);
      void this.#untilAnswered(owner, ask, owner.completed !== undefined, on.refused).then((reply) => {
        this.#patience.cancel(patience);
        on.answered(reply, inTime);
        resolve();
      });
    });
  }

  /** For an acquisition that was not answered: it may have been carried out, or may be still. Never rejects. */
  async undo(owner: UndoRequest): Promise<void> {
    const { store, commandTimeout } = this.#parts;
    await this.#untilAnswered(owner, () => store.undo(owner, commandTimeout));
  }

  /** For an acquisition that stands in line and is not wanted any more. Never rejects. */
  async leave(owner: RenewRequest): Promise<void> {
    const { store, commandTimeout } = this.#parts;
    await this.#untilAnswered(owner, async () =>
      store.leave ? store.leave(owner, commandTimeout) : 'vanished',
    );
  }

  /** Waits up to one command's time for what is still to be given back, then gives up. */
  async close(): Promise<void> {
    const { clock, commandTimeout, logger } = this.#parts;
    if (this.#pending.size > 0) {
      const idle = new Pause(clock, { signals: [] });
      this.#onIdle = idle.wake;
      await idle.for(commandTimeout);
    }
    // Of one lock a release and an undo may be under way.
    const left = new Map(this.#pending.all().map(({ owner }) => [owner.name, owner.logger ?? logger]));
    for (const [name, log] of left) log.warn(messages.notGivenBack(name, new Error(messages.storeClosed())));
    this.#closing.abort();
    this.#patience.rest();
  }

  /** Resolves with the store's answer, or without one when there will be none. Never rejects. */
  async #untilAnswered(
    owner: Return['owner'],
    ask: () => Promise<OwnerReply>,
    records = false,
    onRefused?: (error: LockStoreError) => void,
  ): Promise<OwnerReply | undefined> {
    if (this.#closing.signal.aborted) return undefined;
    const keptUntil = this.#parts.clock.now() + owner.ttl;
    const item: Return = { owner, ask, records, keptUntil, onRefused, bagIndex: -1 };
    this.#pending.add(item);
    try {
      return await ask();
    } catch (error) {
      return await runOutside(() => this.#goOn(item, error));
    } finally {
      this.#pending.remove(item);
      if (this.#pending.size === 0) this.#onIdle?.();
    }
  }

  async #goOn(item: Return, firstError: unknown): Promise<OwnerReply | undefined> {
    const { signal } = this.#closing;
    // It must not keep the process: a lock that cannot be given back expires.
    const pause = new Pause(this.#parts.clock, { signals: [signal], ref: false });
    let failure = firstError as Partial<LockStoreError>;
    let mayHaveRun = false;
    for (let delay = FIRST_RETRY; ; delay *= 2) {
      mayHaveRun ||= failure.mayHaveRun ?? true;
      if (!signal.aborted) this.#tell(item, failure as LockStoreError);
      await pause.for(Math.min(delay, longestPause(item, failure)));
      if (signal.aborted) return undefined;
      await this.#keep(item);
      // Else such refusals would pile up for as long as the process lives.
      if (failure.permanent && this.#parts.clock.now() > item.keptUntil) return undefined;
      try {
        const reply = await item.ask();
        this.#answered();
        // An earlier attempt, whose reply was lost, may be what freed it; then it may have the next holder already.
        return mayHaveRun ? 'held' : reply;
      } catch (error) {
        failure = error as Partial<LockStoreError>;
      }
    }
  }

  /** Renews the lock where its time is a third over, as its keeper did. */
  async #keep(item: Return): Promise<void> {
    const { store, clock, commandTimeout } = this.#parts;
    const { ttl } = item.owner;
    const now = clock.now();
    if (!item.records || now < item.keptUntil - (ttl * 2) / 3) return;
    try {
      const [reply] = await store.renew([item.owner], commandTimeout);
      if (reply === 'held') item.keptUntil = now + ttl;
    } catch {
      // The release will be asked for in any case, and tells why.
    }
  }

  #tell(item: Return, error: LockStoreError): void {
    const { owner, records } = item;
    const { store, logger, outages } = this.#parts;
    if (!error.refused) return;
    if (!error.permanent) {
      outages.begin(store.description, error.cause, 'release');
      return;
    }
    item.onRefused?.(error);
    item.onRefused = undefined;
    if (this.#refusalTold) return;
    this.#refusalTold = true;
    (owner.logger ?? logger).error(messages.releaseRefused(owner.name, error.cause, records));
  }

  #answered(): void {
    this.#refusalTold = false;
    this.#parts.outages.end('release');
  }
}

function longestPause({ records, owner }: Return, { permanent }: Partial<LockStoreError>): number {
  return Math.min(permanent ? SLOWEST_RETRY : LONGEST_RETRY, records ? owner.ttl / 3 : Infinity);
}
