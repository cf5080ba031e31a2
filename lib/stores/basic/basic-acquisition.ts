import { LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import type { AcquireReply, AcquireRequest, HeldBy } from '../lock-store.js';
import type { BasicCalls } from './basic-calls.js';

/** What this replica knows of an acquisition that was granted, or whose reply is unknown. */
export interface Acquisition {
  readonly request: AcquireRequest;
  /** Undefined if the reply that had it is unknown. */
  fencingToken: number | undefined;
  /** The key that is kept for as long as the lock is. */
  alsoKept: string | undefined;
  /** It is not wanted any more. */
  isOver: boolean;
  /** The last call that frees one of its keys. If it comes late, it frees what the same owner was given meanwhile. */
  freeing?: Promise<unknown>;
}

/** Somebody has the lock, and no more is known. */
const UNKNOWN: HeldBy = { owner: undefined, holder: '', remaining: Infinity };

/** One request of an acquisition. */
export class BasicAcquiring {
  readonly #calls: BasicCalls;
  readonly #acquisition: Acquisition;
  readonly #isRepeated: boolean;
  readonly #owner: string;
  readonly #ttl: number;

  constructor(
    calls: BasicCalls,
    acquisition: Acquisition,
    { owner, ttl }: AcquireRequest,
    isRepeated: boolean,
  ) {
    this.#calls = calls;
    this.#acquisition = acquisition;
    this.#isRepeated = isRepeated;
    this.#owner = owner;
    this.#ttl = ttl;
  }

  async lock(key: string): Promise<AcquireReply> {
    const taken = await this.#take(key, this.#ttl);
    if (taken === 'others') return { status: 'busy', ...UNKNOWN };
    const acquisition = this.#acquisition;
    if (taken !== 'own') acquisition.fencingToken = taken;
    if (acquisition.fencingToken !== undefined)
      return { status: 'granted', fencingToken: acquisition.fencingToken };
    // Its reply was lost, and its fencing token with it. Nobody has used that, so another will do.
    await this.#free(key);
    return this.lock(key);
  }

  /** Of what is done when it was granted. The mark comes first, so that others are told done while it runs. */
  async lockOnce(key: string, mark: string, memory: number): Promise<AcquireReply> {
    if ((await this.#take(mark, Math.min(this.#ttl, memory))) === 'others') return { status: 'done' };
    const reply = await this.lock(key);
    if (reply.status !== 'granted') await this.#free(mark);
    else if (!(await this.#calls.keep(mark, this.#owner, memory)))
      // It has expired already. The caller asks again.
      throw new LockStoreError(messages.basicStoreSlow(), { mayHaveRun: true });
    return reply;
  }

  /**
   * Of what is done when it was completed. Until then the mark lives as long as the lock, which comes first, so that others
   * are told busy while it runs.
   */
  async lockUntilCompleted(
    key: string,
    mark: string,
    attempts: readonly string[],
    memory: number,
  ): Promise<AcquireReply> {
    const reply = await this.lock(key);
    if (reply.status !== 'granted') return reply;
    if ((await this.#take(mark, this.#ttl)) === 'others') {
      await this.#free(key);
      return { status: 'done' };
    }
    this.#acquisition.alsoKept = mark;
    if (attempts.length === 0 || (await this.#takeOneOf(attempts, memory))) return reply;
    // Given up: nobody takes the mark again.
    await this.#calls.keep(mark, this.#owner, memory);
    await this.#free(key);
    return { status: 'done', attempts: attempts.length };
  }

  async #free(key: string): Promise<void> {
    await this.#calls.free(key, this.#owner, (call) => {
      this.#acquisition.freeing = call;
    });
  }

  async #takeOneOf(keys: readonly string[], ttl: number): Promise<boolean> {
    if (this.#isRepeated)
      for (const key of keys) if (await this.#calls.keep(key, this.#owner, ttl)) return true;
    for (const key of keys) if ((await this.#take(key, ttl)) !== 'others') return true;
    return false;
  }

  /** The fencing token of the key; `own` if this owner has it already, as only one that asks again can. */
  async #take(key: string, ttl: number): Promise<number | 'own' | 'others'> {
    const isWanted = (): boolean => !this.#acquisition.isOver;
    const token = await this.#calls.take(key, this.#owner, ttl, isWanted);
    if (token !== undefined) return token;
    return this.#isRepeated && (await this.#calls.keep(key, this.#owner, ttl)) ? 'own' : 'others';
  }
}
