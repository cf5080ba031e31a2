import type { Clock } from '../common/clock.js';
import type { LockStoreError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { Pause } from '../common/pause.js';
import { within } from '../common/within.js';
import type {
  LockStore,
  OwnerReply,
  OwnerRequest,
  ReleaseRequest,
  RenewRequest,
  UndoRequest,
} from '../stores/lock-store.js';

/** Milliseconds between two attempts to give back a lock; doubles up to the longest. */
const FIRST_RETRY = 50;
const LONGEST_RETRY = 2000;

/** Gives locks back: at once where the store answers, else in the background until it does. */
export class LockReturner {
  readonly #store: LockStore;
  readonly #commandTimeout: number;
  readonly #logger: LockLogger;
  readonly #clock: Clock;
  readonly #pending = new Map<OwnerRequest, Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor(store: LockStore, commandTimeout: number, logger: LockLogger, clock: Clock) {
    this.#store = store;
    this.#commandTimeout = commandTimeout;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Resolves with the store's answer, or without one when there will be none. Never rejects. */
  giveBack(owner: ReleaseRequest): Promise<OwnerReply | undefined> {
    return this.#untilAnswered(owner, () => this.#store.release(owner, this.#commandTimeout));
  }

  /** For an acquisition that was not answered: it may have been carried out, or may be still. Never rejects. */
  async undo(owner: UndoRequest): Promise<void> {
    await this.#untilAnswered(owner, () => this.#store.undo(owner, this.#commandTimeout));
  }

  /** For an acquisition that stands in line and is not wanted any more. Never rejects. */
  async leave(owner: RenewRequest): Promise<void> {
    await this.#untilAnswered(owner, async () =>
      this.#store.leave ? this.#store.leave(owner, this.#commandTimeout) : 'vanished',
    );
  }

  /** Waits up to one command's time for what is still to be given back, then gives up. */
  async close(): Promise<void> {
    await within(this.#commandTimeout, Promise.all(this.#pending.values()), this.#clock);
    for (const { name } of this.#pending.keys()) {
      this.#logger.warn(messages.notGivenBack(name, new Error(messages.storeClosed())));
    }
    this.#closing.abort();
  }

  #untilAnswered(owner: OwnerRequest, attempt: () => Promise<OwnerReply>): Promise<OwnerReply | undefined> {
    const attempts = this.#repeat(owner, attempt);
    this.#pending.set(owner, attempts);
    return attempts;
  }

  async #repeat(owner: OwnerRequest, attempt: () => Promise<OwnerReply>): Promise<OwnerReply | undefined> {
    const { signal } = this.#closing;
    let pause: Pause | undefined;
    let mayHaveRun = false;
    try {
      for (let delay = FIRST_RETRY; !signal.aborted; delay = Math.min(LONGEST_RETRY, delay * 2)) {
        try {
          const reply = await attempt();
          // An earlier attempt, whose reply was lost, may be what freed it; then it may have the next holder already.
          return mayHaveRun ? 'held' : reply;
        } catch (error) {
          const { refused, cause } = error as Partial<LockStoreError>;
          if (refused) {
            this.#logger.warn(messages.notGivenBack(owner.name, cause));
            return undefined;
          }
          mayHaveRun ||= (error as Partial<LockStoreError>).mayHaveRun ?? true;
        }
        // A lock that cannot be given back expires; it must not keep the process.
        pause ??= new Pause(this.#clock, { signals: [signal], ref: false });
        await pause.for(delay);
      }
      return undefined;
    } finally {
      this.#pending.delete(owner);
    }
  }
}
