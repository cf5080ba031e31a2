import { LockStoreError } from '../../common/errors.js';
import { messages } from '../../common/messages.js';
import { answered } from '../answered.js';
import {
  EARLY_TOLERANCE,
  MAX_ATTEMPTS,
  recordsCompletion,
  type AcquireReply,
  type AcquireRequest,
  type Claim,
  type HeldBy,
  type LockStore,
  type OwnerReply,
  type ReleaseRequest,
  type RenewRequest,
  type StoredLock,
} from '../lock-store.js';
import { BasicAcquiring, type Acquisition } from './basic-acquisition.js';
import { BasicCalls } from './basic-calls.js';
import { BasicKeys } from './basic-keys.js';
import type { BasicLockStore, BasicStoreOptions } from './basic-lock-store.js';

/** Milliseconds for which a tick is remembered. Shorter than in other stores, because each tick has a key of its own. */
const TICK_MEMORY = 24 * 60 * 60 * 1000;

/**
 * A lock is a key, and a claim is another key, which is taken in a separate step. If this process dies between the
 * steps, what it has taken expires with the TTL of the lock.
 */
export class BasicStoreAdapter implements LockStore {
  readonly description: string;
  readonly #store: BasicLockStore;
  readonly #look: BasicStoreOptions['inspect'];
  readonly #keys: BasicKeys;
  readonly #acquisitions = new Map<string, Acquisition>();

  constructor(
    store: BasicLockStore,
    prefix: string,
    description: string,
    look: BasicStoreOptions['inspect'],
  ) {
    this.#store = store;
    this.#look = look;
    this.#keys = new BasicKeys(prefix);
    this.description = description;
  }

  async acquire(request: AcquireRequest, within: number): Promise<AcquireReply> {
    const { owner, claim } = request;
    const known = this.#acquisitions.get(owner);
    const acquisition: Acquisition = known ?? {
      request,
      fencingToken: undefined,
      alsoKept: undefined,
      isOver: false,
    };
    this.#acquisitions.set(owner, acquisition);
    const calls = this.#calls(within);
    if (acquisition.freeing) await calls.ended(acquisition.freeing);
    const acquiring = new BasicAcquiring(calls, acquisition, request, known !== undefined);
    const reply = await this.#decide(request, acquiring);
    // It has left nothing in the store, unless an earlier call is still under way.
    if (reply.status !== 'granted' && !known) this.#acquisitions.delete(owner);
    const held = reply.status === 'busy' ? await this.#holderOf(calls, request.name) : undefined;
    return { ...reply, ...held, ...(claim && { now: Date.now() }) };
  }

  async renew(requests: readonly RenewRequest[], within: number): Promise<(OwnerReply | undefined)[]> {
    if (requests.length === 0) return [];
    return answered(await Promise.allSettled(requests.map((request) => this.#renewOne(request, within))));
  }

  /** Records what became of the claim before it frees the lock, so that the next holder finds it. */
  async release(request: ReleaseRequest, within: number): Promise<OwnerReply> {
    const { name, owner, claim } = request;
    const calls = this.#calls(within);
    const acquisition = this.#acquisitions.get(owner);
    if (acquisition) acquisition.isOver = true;
    if (claim) await this.#recordEnd(calls, request, claim);
    const key = this.#keys.lock(name);
    const reply = (await calls.free(key, owner)) ? 'held' : await this.#whoElse(calls, name);
    this.#acquisitions.delete(owner);
    return reply;
  }

  async inspect(name: string, within: number): Promise<StoredLock | null> {
    if (!this.#look) {
      const cause = new Error(messages.basicStoreCannotInspect());
      const message = messages.storeThrew(this.description, cause);
      throw new LockStoreError(message, { cause, mayHaveRun: false, refused: true });
    }
    const held = await this.#lookAt(this.#calls(within), name);
    if (!held) return null;
    return { ...held, fencingToken: this.#acquisitions.get(held.owner!)?.fencingToken };
  }

  /** The basic store belongs to the user. */
  async close(): Promise<void> {}

  async #decide({ name, claim }: AcquireRequest, acquiring: BasicAcquiring): Promise<AcquireReply> {
    const key = this.#keys.lock(name);
    if (!claim) return acquiring.lock(key);
    if (claim.kind === 'tick') {
      const by = claim.time - Date.now();
      if (by > EARLY_TOLERANCE) return { status: 'early', by: Math.ceil(by) };
      // The store has forgotten it by now.
      if (by < -TICK_MEMORY) return { status: 'done' };
    }
    const mark = this.#keys.mark(name, claim);
    const memory = memoryOf(claim);
    if (!recordsCompletion(claim)) return acquiring.lockOnce(key, mark, memory);
    return acquiring.lockUntilCompleted(key, mark, this.#attempts(mark, claim), memory);
  }

  async #recordEnd(calls: BasicCalls, { name, owner, end }: ReleaseRequest, claim: Claim): Promise<void> {
    const mark = this.#keys.mark(name, claim);
    if (end === 'void') for (const key of this.#attempts(mark, claim)) await calls.free(key, owner);
    if (end === 'void' || (end === 'unfinished' && recordsCompletion(claim))) await calls.free(mark, owner);
    if (end !== 'completed' || !recordsCompletion(claim)) return;
    const memory = memoryOf(claim);
    // If the lease has expired, the mark is free unless another owner has begun the same run since.
    if (!(await calls.keep(mark, owner, memory))) await calls.take(mark, owner, memory, () => true);
  }

  /** The keys of the attempts of a tick with `rerun`. */
  #attempts(mark: string, claim: Claim): readonly string[] {
    if (claim.kind !== 'tick' || !claim.rerun) return [];
    const { maxAttempts = MAX_ATTEMPTS } = claim;
    return Array.from({ length: maxAttempts }, (_, i) => this.#keys.attempt(mark, i));
  }

  async #renewOne({ name, owner, ttl }: RenewRequest, within: number): Promise<OwnerReply> {
    const calls = this.#calls(within);
    const key = this.#keys.lock(name);
    if (!(await calls.keep(key, owner, ttl))) return this.#whoElse(calls, name);
    const mark = this.#acquisitions.get(owner)?.alsoKept;
    if (mark !== undefined) await calls.keep(mark, owner, ttl);
    return 'held';
  }

  /** Without `inspect`, all that is known is that this owner no longer has the lock. */
  async #whoElse(calls: BasicCalls, name: string): Promise<OwnerReply> {
    return (await this.#holderOf(calls, name)) ? 'taken' : 'vanished';
  }

  /** Finds the holder for the reply. It does not affect the decision. */
  async #holderOf(calls: BasicCalls, name: string): Promise<HeldBy | undefined> {
    return this.#lookAt(calls, name).catch(() => undefined);
  }

  async #lookAt(calls: BasicCalls, name: string): Promise<HeldBy | undefined> {
    const found = await calls.ask(async () => this.#look?.(this.#keys.lock(name)));
    if (!found) return undefined;
    const { owner, remaining } = found;
    return { owner, remaining, holder: this.#acquisitions.get(owner)?.request.holder ?? '' };
  }

  #calls(within: number): BasicCalls {
    return new BasicCalls(this.#store, this.description, within);
  }
}

/** Milliseconds for which the store remembers that the claim was granted or completed. */
function memoryOf(claim: Claim): number {
  switch (claim.kind) {
    case 'tick':
      return TICK_MEMORY;
    case 'gap':
      return claim.gap;
    case 'key':
      return claim.remember;
  }
}
