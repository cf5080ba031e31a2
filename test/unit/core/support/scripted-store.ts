import { LockStoreError } from '../../../../lib/common/errors.js';
import type {
  AcquireReply,
  AcquireRequest,
  ForceRequest,
  LockStore,
  OwnerReply,
  OwnerRequest,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
  Turn,
  UndoRequest,
} from '../../../../lib/stores/lock-store.js';
import { MemoryLockStore } from '../../../../lib/stores/memory/memory-lock-store.js';
import type { ManualClock } from './manual-clock.js';

interface Replies {
  acquire: AcquireReply;
  renew: OwnerReply[];
  release: OwnerReply;
  inspect: StoredLock | null;
  leave: OwnerReply;
}
type Operation = keyof Replies;

/** What a call of the store does instead of what it should. `carryOut` is what it should. */
export type Behaviour<T> = {
  // Written as a method: so one that never answers, or always the same, fits every operation.
  of(carryOut: () => Promise<T>, within: number): Promise<T>;
}['of'];

export interface Call {
  readonly operation: Operation | 'close';
  readonly names: readonly string[];
  readonly records: readonly string[];
  readonly within: number;
  /** When it was made, on the test's clock. */
  readonly at: number;
}

/** A memory store that a test can break call by call, and that remembers what it was asked. */
export class ScriptedStore implements LockStore {
  readonly description = 'scripted store';
  readonly calls: Call[] = [];
  /** How far the store's wall clock is ahead of the replica's. */
  wallAhead = 0;
  deaf = false;
  /** Says to whom it has given a lock, as Redis does. */
  tellsTurns = false;
  /** Those who are told when it is their turn. */
  readonly #watchers = new Set<(turn?: Turn) => void>();

  readonly #clock: ManualClock;
  readonly #locks: MemoryLockStore;
  readonly #next = new Map<string, Behaviour<unknown>[]>();
  readonly #always = new Map<string, Behaviour<unknown>>();

  constructor(clock: ManualClock) {
    this.#clock = clock;
    this.#locks = new MemoryLockStore(clock, () => Date.now() + this.wallAhead);
  }

  /** The next calls of `operation` behave like this, one each; those after them as they should. */
  next<O extends Operation>(operation: O, ...behaviours: Behaviour<Replies[O]>[]): void {
    this.#next.set(operation, [...(this.#next.get(operation) ?? []), ...behaviours]);
  }

  /** All calls of `operation` behave like this from now on. */
  always<O extends Operation>(operation: O, behaviour: Behaviour<Replies[O]>): void {
    this.#always.set(operation, behaviour);
  }

  /** Calls of `operation` behave as they should again. */
  recover(operation: Operation): void {
    this.#always.delete(operation);
  }

  callsOf(operation: Call['operation']): Call[] {
    return this.calls.filter((call) => call.operation === operation);
  }

  acquire(request: AcquireRequest, within: number): Promise<AcquireReply> {
    return this.#do('acquire', [request], within, async () => {
      const reply = await this.#locks.acquire(request);
      if (reply.status !== 'busy' || !this.tellsTurns) return reply;
      return { ...reply, lastToken: (await this.#locks.inspect(request.name))?.fencingToken };
    });
  }

  renew(requests: readonly RenewRequest[], within: number): Promise<OwnerReply[]> {
    return this.#do('renew', requests, within, () => this.#locks.renew(requests));
  }

  /** Scripted and recorded as a release. */
  undo(request: UndoRequest, within: number): Promise<OwnerReply> {
    return this.#do('release', [request], within, () => this.#locks.undo(request));
  }

  release(request: ReleaseRequest, within: number): Promise<OwnerReply> {
    return this.#do('release', [request], within, () => this.#locks.release(request));
  }

  inspect(name: string, within: number): Promise<StoredLock | null> {
    return this.#do('inspect', [{ name, record: '' }], within, () => this.#locks.inspect(name));
  }

  leave(request: RenewRequest, within: number): Promise<OwnerReply> {
    return this.#do('leave', [request], within, () => this.#locks.leave(request));
  }

  /** Messages are lost while `deaf`. */
  watch(name: string, onTurn: (turn?: Turn) => void): () => void {
    this.#watchers.add(onTurn);
    const end = this.#locks.watch(name, () => {
      if (!this.deaf) void this.#turnOf(name).then(onTurn);
    });
    return () => {
      this.#watchers.delete(onTurn);
      end();
    };
  }

  get watching(): number {
    return this.#watchers.size;
  }

  /** As a message that comes late, or is meant for another. */
  tell(turn: Turn): void {
    for (const onTurn of this.#watchers) onTurn(turn);
  }

  async #turnOf(name: string): Promise<Turn | undefined> {
    const holder = await this.#locks.inspect(name);
    return this.tellsTurns && holder
      ? { record: holder.record, fencingToken: holder.fencingToken ?? 0, keptFor: holder.remaining }
      : undefined;
  }

  force(request: ForceRequest): Promise<OwnerReply> {
    return this.#locks.force(request);
  }

  async close(): Promise<void> {
    this.calls.push({ operation: 'close', names: [], records: [], within: 0, at: this.#clock.now() });
  }

  /** Another program takes the lock, whoever has it. */
  async steal(name: string): Promise<void> {
    await this.vanish(name);
    await this.#locks.acquire({ name, record: '"thief"', ttl: 60_000 });
  }

  /** The lock is gone, whoever had it. */
  async vanish(name: string): Promise<void> {
    const holder = await this.#locks.inspect(name);
    if (holder) await this.#locks.release({ name, record: holder.record });
  }

  /** Who really has the lock, without a call being recorded. */
  holderOf(name: string): Promise<StoredLock | null> {
    return this.#locks.inspect(name);
  }

  async #do<T>(
    operation: Operation,
    requests: readonly OwnerRequest[],
    within: number,
    carryOut: () => Promise<T>,
  ): Promise<T> {
    const [names, records] = [requests.map(({ name }) => name), requests.map(({ record }) => record)];
    this.calls.push({ operation, names, records, within, at: this.#clock.now() });
    const behaviour = this.#next.get(operation)?.shift() ?? this.#always.get(operation);
    return behaviour ? (behaviour as Behaviour<T>)(carryOut, within) : carryOut();
  }
}

/** Never answers and never did anything, nor keeps to the time it was given. */
export const hangs: Behaviour<never> = () => new Promise(() => {});

/** Carries it out, but the answer is lost: fails when the time it was given is over. */
export const timesOut = async <T>(carryOut: () => Promise<T>, within: number): Promise<never> => {
  await carryOut();
  await sleep(within);
  throw new LockStoreError(`no reply within ${within} ms`, { mayHaveRun: true });
};

/** Fails at once, without doing anything. */
export const fails = ({ mayHaveRun }: { mayHaveRun: boolean }): Behaviour<never> => {
  return () => Promise.reject(new LockStoreError('it is broken', { mayHaveRun }));
};

/** Carries it out at once and answers that many milliseconds later. */
export const answersAfter = (ms: number) => {
  return async <T>(carryOut: () => Promise<T>): Promise<T> => {
    const reply = await carryOut();
    await sleep(ms);
    return reply;
  };
};

/** Carries it out only that many milliseconds later, and answers then. */
export const carriedOutAfter = (ms: number) => {
  return async <T>(carryOut: () => Promise<T>): Promise<T> => {
    await sleep(ms);
    return carryOut();
  };
};

/** Answers this, and does nothing. */
export const answers = <T>(reply: T): Behaviour<T> => {
  return () => Promise.resolve(reply);
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
