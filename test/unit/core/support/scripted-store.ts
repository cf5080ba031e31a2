import { LockStoreError } from '../../../../lib/common/errors.js';
import type {
  AcquireReply,
  AcquireRequest,
  LockAdmin,
  LockQueue,
  LockRuns,
  LockStore,
  OwnerReply,
  OwnerRequest,
  QueueGrant,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
} from '../../../../lib/stores/lock-store.js';
import { MemoryLockStore } from '../../../../lib/stores/memory/memory-lock-store.js';
import type { ManualClock } from './manual-clock.js';

interface Replies {
  acquire: AcquireReply;
  renew: readonly (OwnerReply | undefined)[];
  release: OwnerReply;
  inspect: StoredLock | null;
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
  readonly owners: readonly string[];
  /** Of a release. */
  readonly end?: ReleaseRequest['end'] | undefined;
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
  /** Messages of the queue are lost. */
  deaf = false;
  /** Reports to whom it has given a lock, as Redis does. */
  reportsGrants = false;
  readonly #watchers = new Set<(grant?: QueueGrant) => void>();

  readonly queue: LockQueue = { watch: (name, onNews) => this.#watch(name, onNews) };
  readonly admin: LockAdmin;
  readonly runs: LockRuns;

  readonly #clock: ManualClock;
  readonly #locks: MemoryLockStore;
  readonly #next = new Map<string, Behaviour<unknown>[]>();
  readonly #always = new Map<string, Behaviour<unknown>>();

  constructor(clock: ManualClock) {
    this.#clock = clock;
    this.#locks = new MemoryLockStore(clock, () => Date.now() + this.wallAhead);
    this.admin = this.#locks.admin;
    this.runs = this.#locks.runs;
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

  /** The releases of acquisitions that ended without the lock. */
  get withdrawals(): Call[] {
    return this.calls.filter(({ end }) => end === 'void');
  }

  acquire(request: AcquireRequest, within: number): Promise<AcquireReply> {
    return this.#do('acquire', [request], within, async () => {
      const reply = await this.#locks.acquire(request);
      if (reply.status !== 'busy' || !this.reportsGrants) return reply;
      return { ...reply, lastToken: (await this.#locks.inspect(request.name))?.fencingToken };
    });
  }

  renew(requests: readonly RenewRequest[], within: number): Promise<readonly (OwnerReply | undefined)[]> {
    return this.#do('renew', requests, within, () => this.#locks.renew(requests));
  }

  release(request: ReleaseRequest, within: number): Promise<OwnerReply> {
    return this.#do('release', [request], within, () => this.#locks.release(request), request.end);
  }

  inspect(name: string, within: number): Promise<StoredLock | null> {
    return this.#do('inspect', [{ name, owner: '' }], within, () => this.#locks.inspect(name));
  }

  get watching(): number {
    return this.#watchers.size;
  }

  /** As a message that comes late, or is meant for another. */
  notify(grant: QueueGrant): void {
    for (const onNews of this.#watchers) onNews(grant);
  }

  async close(): Promise<void> {
    this.calls.push({ operation: 'close', names: [], owners: [], within: 0, at: this.#clock.now() });
  }

  /** Another program takes the lock, whoever has it. */
  async steal(name: string): Promise<void> {
    await this.vanish(name);
    await this.#locks.acquire({ name, owner: 'thief', holder: '{}', ttl: 60_000 });
  }

  /** The lock is gone, whoever had it. */
  async vanish(name: string): Promise<void> {
    const held = await this.#locks.inspect(name);
    if (held?.owner) await this.#locks.release({ name, owner: held.owner, ttl: 1, end: 'unfinished' });
  }

  /** Who really has the lock, without a call being recorded. */
  holderOf(name: string): Promise<StoredLock | null> {
    return this.#locks.inspect(name);
  }

  #watch(name: string, onNews: (grant?: QueueGrant) => void): () => void {
    this.#watchers.add(onNews);
    const end = this.#locks.queue.watch(name, () => {
      if (!this.deaf) void this.#grantOf(name).then(onNews);
    });
    return () => {
      this.#watchers.delete(onNews);
      end();
    };
  }

  async #grantOf(name: string): Promise<QueueGrant | undefined> {
    const held = await this.#locks.inspect(name);
    if (!this.reportsGrants || !held?.owner) return undefined;
    return { owner: held.owner, fencingToken: held.fencingToken ?? 0, keptFor: held.remaining };
  }

  async #do<T>(
    operation: Operation,
    requests: readonly OwnerRequest[],
    within: number,
    carryOut: () => Promise<T>,
    end?: ReleaseRequest['end'],
  ): Promise<T> {
    const [names, owners] = [requests.map(({ name }) => name), requests.map(({ owner }) => owner)];
    this.calls.push({ operation, names, owners, end, within, at: this.#clock.now() });
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
