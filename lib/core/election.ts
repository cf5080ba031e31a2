import { callSafely } from '../common/call-safely.js';
import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { LockConfigurationError } from '../common/errors.js';
import type { Holder } from '../common/holder.js';
import type { LockLogger } from '../common/logger.js';
import { messages } from '../common/messages.js';
import { checkContents } from './holder.js';
import { checkRenewEvery, resolveTimes, type LeaseOptions, type LeaseTimes } from './lease-options.js';
import type { Lease } from './lease.js';
import type { LeadershipEvent, LockEvent } from './lock-events.js';
import type { LockManager } from './lock-manager.js';
import { checkMadeName } from './lock-name.js';

/** Options of `elect`. The `ttl` is the time within which another replica leads if the leader dies. */
export type ElectionOptions = Pick<LeaseOptions, 'ttl' | 'renewEvery' | 'contents'>;

/** Options of `whileLeader`. */
export interface WhileLeaderOptions {
  /** Ends the campaign: the work is told to end if this replica leads, and none begins after that. */
  readonly signal?: AbortSignal | undefined;
}

export const ELECTION_OPTIONS: KnownOptions<ElectionOptions> = {
  ttl: true,
  renewEvery: true,
  contents: true,
};
/** Where the module's are not known: options have none of them, or both. */
const UNUSED_TIMES: LeaseTimes = { ttl: 0, renewEvery: 0 };
const WHILE_LEADER_OPTIONS: KnownOptions<WhileLeaderOptions> = { signal: true };

/** What an election works with. */
export interface ElectionParts {
  readonly locks: LockManager;
  /** Those of the module. */
  readonly times: LeaseTimes;
  readonly logger: LockLogger;
}

/**
 * One of the replicas leads, for one term after the other: the one that holds the lock of this name. Terms do not overlap,
 * and each has a higher fencing token than the one before. All objects of one name are the same election.
 */
export class Election {
  /** The name of the election, and of its lock. */
  readonly name: string;
  readonly #options: ElectionOptions;
  readonly #locks: LockManager;
  readonly #logger: LockLogger;

  /** @throws LockConfigurationError */
  constructor(name: string, options: ElectionOptions, { locks, times, logger }: ElectionParts) {
    checkMadeName(name);
    checkOptions(options, ELECTION_OPTIONS, 'elect');
    checkElectionOptions(options, times);
    this.name = name;
    this.#options = options;
    this.#locks = locks;
    this.#logger = logger;
  }

  /**
   * Runs `work` whenever this replica leads. The work lives for a whole term: when it returns, this replica steps down, and
   * stands for election again. When the term ends for another reason, `lease.signal` aborts: the lease was lost, or it is
   * time to step down. The work is awaited before another replica leads, unless the lease was lost.
   *
   * Work that fails is logged, and begun again in a later term. After a short term a replica stands back, for 250 ms at
   * first and up to 30 s. While the store is away it goes on trying.
   *
   * @returns when the `signal` has aborted or the application shuts down, and the work has ended; never rejects after the
   * call was accepted
   * @throws LockConfigurationError for a bad option; or if the calling code holds the lock of this name
   * @example
   * const election = locks.elect('feed');
   * await election.whileLeader(async (lease) => {
   *   for await (const change of feed.changes({ signal: lease.signal })) await store(change, lease.fencingToken);
   * });
   */
  async whileLeader(work: (lease: Lease) => unknown, options: WhileLeaderOptions = {}): Promise<void> {
    checkOptions(options, WHILE_LEADER_OPTIONS, 'whileLeader');
    const { name } = this;
    const { signal } = options;
    if (typeof work !== 'function') refuse('work', 'a function', work);
    if (signal !== undefined && !(signal instanceof AbortSignal)) refuse('signal', 'an AbortSignal', signal);
    if (this.#locks.holds(name)) throw new LockConfigurationError(messages.campaignInside(name));
    await this.#locks.elections.campaign({ name, work, options: this.#options, signal });
  }

  /**
   * Whether this replica leads. Compares a clock at every call, so it is right even after a pause; false from when the
   * work was told to end.
   */
  get isLeader(): boolean {
    return this.#locks.elections.termOf(this.name)?.leads ?? false;
  }

  /**
   * The replica that leads; null if there is none.
   *
   * @throws LockStoreError when the store cannot be asked
   */
  async leader(): Promise<Holder | null> {
    return (await this.#locks.inspect(this.name))?.holder ?? null;
  }

  /**
   * Has this replica step down, if it leads: its work is told to end, and when it has, the first in the queue leads. Does
   * not wait for that, since the work itself may call it.
   */
  stepDown(): void {
    this.#locks.elections.termOf(this.name)?.end('stepped-down');
  }

  /**
   * Calls `listener` when this replica begins or ceases to lead. One that throws, or returns a promise that is rejected, is
   * logged and does no harm.
   *
   * @returns a function that removes the listener
   * @throws LockConfigurationError if it is no function
   * @example
   * const stop = election.onChange((change) => gauge.set(change.type === 'termBegan' ? 1 : 0));
   */
  onChange(listener: (change: LeadershipEvent) => unknown): () => void {
    if (typeof listener !== 'function') refuse('listener', 'a function', listener);
    return this.listen((change) =>
      callSafely(
        () => listener(change),
        (error) => this.#logger.error(messages.leadershipListenerThrew(this.name, error)),
      ),
    );
  }

  /** The same for a listener that does not throw. */
  protected listen(listener: (change: LeadershipEvent) => void): () => void {
    return this.#locks.events.listen((event) => {
      if (isLeadership(event) && event.name === this.name) listener(event);
    });
  }
}

/**
 * Checks their values.
 *
 * @param times those of the module; without them, a `renewEvery` alone cannot be checked
 * @throws LockConfigurationError
 */
export function checkElectionOptions(options: ElectionOptions, times?: LeaseTimes): void {
  checkContents(options.contents);
  if (!times && options.renewEvery !== undefined && options.ttl === undefined)
    throw new LockConfigurationError(messages.renewEveryWithoutTtl(checkRenewEvery(options.renewEvery)));
  resolveTimes(options, times ?? UNUSED_TIMES);
}

function isLeadership(event: LockEvent): event is LeadershipEvent {
  return event.type === 'termBegan' || event.type === 'termEnded';
}
