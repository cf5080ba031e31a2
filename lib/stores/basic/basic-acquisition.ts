import { LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import type { AcquireReply, AcquireRequest, HeldBy } from '../lock-store.js';
import type { BasicCalls } from './basic-calls.js';

/** An acquisition that was granted, or whose reply is unknown. */
export interface Acquisition {
  readonly request: AcquireRequest;
  /** Undefined if the reply with the token is unknown. */
  fencingToken: number | undefined;
  /** The key that is renewed together with the lock. */
  alsoKept: string | undefined;
  /** The acquisition has ended. */
  isOver: boolean;
  /**
   * The last call that frees one of its keys. If that is late, it also frees what the same owner was granted meanwhile.
   */
  freeing?: Promise<unknown>;
}

/** A holder about whom nothing is known. */
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
    // The reply with the fencing token was lost. The token was never used, so the key is freed and taken again with
    // another.
    await this.#free(key);
    return this.lock(key);
  }

  /**
   * Acquires for a claim that is done when it is granted. The mark comes first, so that others find it done while it
   * runs.
   */
  async lockOnce(key: string, mark: string, memory: number): Promise<AcquireReply> {
    if ((await this.#take(mark, Math.min(this.#ttl, memory))) === 'others') return { status: 'done' };
    const reply = await this.lock(key);
    if (reply.status !== 'granted') await this.#free(mark);
    else if (!(await this.#calls.keep(mark, this.#owner, memory)))
      // The key has expired already. The caller asks again.
      throw new LockStoreError(messages.basicStoreSlow(), { mayHaveRun: true });
    return reply;
  }

  /**
   * Acquires for a claim that is done when it is completed. Until then, the mark lives as long as the lock. The lock
   * comes first, so that others find it busy while the work runs.
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
    // The tick is given up: nobody can take the mark again.
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

  /**
   * Returns the fencing token of the key; `own` if this owner already has the key, which happens only if it asks again.
   */
  async #take(key: string, ttl: number): Promise<number | 'own' | 'others'> {
    const isWanted = (): boolean => !this.#acquisition.isOver;
    const token = await this.#calls.take(key, this.#owner, ttl, isWanted);
    if (token !== undefined) return token;
    return this.#isRepeated && (await this.#calls.keep(key, this.#owner, ttl)) ? 'own' : 'others';
  }
}
