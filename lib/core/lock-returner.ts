import { Bag, type BagMember } from '../common/bag.js';
import type { Clock } from '../common/clock.js';
import { Deadlines } from '../common/deadlines.js';
import type { LockStoreError } from '../common/errors.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { Pause } from '../common/pause.js';
import type {
  LockStore,
  OwnerReply,
  ReleaseRequest,
  RenewRequest,
  UndoRequest,
} from '../stores/lock-store.js';

/** Milliseconds between two attempts to give back a lock; doubles up to the longest. */
const FIRST_RETRY = 50;
const LONGEST_RETRY = 2000;
/** What a release that is not answered may add to the work it ends, in milliseconds. */
const PATIENCE = 250;

/** What is still to be given back. */
interface Return extends BagMember {
  readonly name: string;
}

/** Gives locks back: at once where the store answers, else in the background until it does. */
export class LockReturner {
  readonly #store: LockStore;
  readonly #commandTimeout: number;
  readonly #logger: LockLogger;
  readonly #clock: Clock;
  readonly #pending = new Bag<Return>();
  readonly #patience: Deadlines;
  readonly #closing = new AbortController();
  #onIdle: (() => void) | undefined;

  constructor(store: LockStore, commandTimeout: number, logger: LockLogger, clock: Clock) {
    this.#store = store;
    this.#commandTimeout = commandTimeout;
    this.#logger = logger;
    this.#clock = clock;
    // Whoever awaits a release must not see the process end before that.
    this.#patience = new Deadlines(clock, { keepAlive: true });
  }

  /**
   * Resolves when the store has answered, or after PATIENCE. Never rejects. `onAnswer` is called with the answer, also
   * when that comes later; with undefined when there will be none.
   */
  giveBack(owner: ReleaseRequest, onAnswer: (reply: OwnerReply | undefined) => void): Promise<void> {
    return new Promise((resolve) => {
      const patience = this.#patience.add(this.#clock.now() + PATIENCE, resolve);
      const answer = this.#untilAnswered(owner.name, () => this.#store.release(owner, this.#commandTimeout));
      void answer.then((reply) => {
        this.#patience.cancel(patience);
        onAnswer(reply);
        resolve();
      });
    });
  }

  /** For an acquisition that was not answered: it may have been carried out, or may be still. Never rejects. */
  async undo(owner: UndoRequest): Promise<void> {
    await this.#untilAnswered(owner.name, () => this.#store.undo(owner, this.#commandTimeout));
  }

  /** For an acquisition that stands in line and is not wanted any more. Never rejects. */
  async leave(owner: RenewRequest): Promise<void> {
    await this.#untilAnswered(owner.name, async () =>
      this.#store.leave ? this.#store.leave(owner, this.#commandTimeout) : 'vanished',
    );
  }

  /** Waits up to one command's time for what is still to be given back, then gives up. */
  async close(): Promise<void> {
    if (this.#pending.size > 0) {
      const idle = new Pause(this.#clock, { signals: [] });
      this.#onIdle = idle.wake;
      await idle.for(this.#commandTimeout);
    }
    for (const { name } of this.#pending.all()) {
      this.#logger.warn(messages.notGivenBack(name, new Error(messages.storeClosed())));
    }
    this.#closing.abort();
    this.#patience.rest();
  }

  /** Resolves with the store's answer, or without one when there will be none. Never rejects. */
  async #untilAnswered(name: string, attempt: () => Promise<OwnerReply>): Promise<OwnerReply | undefined> {
    const { signal } = this.#closing;
    const pending: Return = { name, bagIndex: -1 };
    let pause: Pause | undefined;
    let mayHaveRun = false;
    this.#pending.add(pending);
    try {
      for (let delay = FIRST_RETRY; !signal.aborted; delay = Math.min(LONGEST_RETRY, delay * 2)) {
        try {
          const reply = await attempt();
          // An earlier attempt, whose reply was lost, may be what freed it; then it may have the next holder already.
          return mayHaveRun ? 'held' : reply;
        } catch (error) {
          const { refused, cause } = error as Partial<LockStoreError>;
          if (refused) {
            this.#logger.warn(messages.notGivenBack(name, cause));
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
      this.#pending.remove(pending);
      if (this.#pending.size === 0) this.#onIdle?.();
    }
  }
}
