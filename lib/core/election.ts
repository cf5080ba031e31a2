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
  /** Ends the campaign: if this replica leads, the signal of its work aborts, and no work begins after that. */
  readonly signal?: AbortSignal | undefined;
}

export const ELECTION_OPTIONS: KnownOptions<ElectionOptions> = {
  ttl: true,
  renewEvery: true,
  contents: true,
};
/** Used where the module's times are not known: then the options have both times or neither. */
const UNUSED_TIMES: LeaseTimes = { ttl: 0, renewEvery: 0 };
const WHILE_LEADER_OPTIONS: KnownOptions<WhileLeaderOptions> = { signal: true };

/** What an election needs. */
export interface ElectionParts {
  readonly locks: LockManager;
  /** The times of the module. */
  readonly times: LeaseTimes;
  readonly logger: LockLogger;
}

/**
 * An election among the replicas. The one that holds the lock of this name leads, for one term after the other. Terms
 * do not overlap, and each has a higher fencing token than the one before. All objects of one name are the same
 * election.
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
   * Runs `work` whenever this replica leads. The work lives for a whole term: when it returns, this replica steps down
   * and stands for election again. If the term ends before that, because the lease is lost or the replica is to step
   * down, `lease.signal` aborts. The work is awaited before another replica leads, unless the lease was lost.
   *
   * If the work fails, the error is logged, and the work begins again in a later term. After a short term a replica
   * stands back, for 250 ms at first and for up to 30 s later. While the store is away, it keeps trying.
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
   * Whether this replica leads. Compares a clock at every call, so it is right even after a pause. False as soon as the
   * signal of the work aborts.
   */
  get isLeader(): boolean {
    return this.#locks.elections.termOf(this.name)?.leads ?? false;
  }

  /**
   * Returns the replica that leads; null if there is none.
   *
   * @throws LockStoreError if the store cannot be reached
   */
  async leader(): Promise<Holder | null> {
    return (await this.#locks.inspect(this.name))?.holder ?? null;
  }

  /**
   * Makes this replica step down, if it leads: the signal of its work aborts, and when the work has ended, the first in
   * the queue leads. Does not wait for the end, because the work itself may call this.
   */
  stepDown(): void {
    this.#locks.elections.termOf(this.name)?.end('stepped-down');
  }

  /**
   * Calls `listener` when this replica starts or stops leading. If a listener throws or its promise rejects, the error
   * is logged and affects nothing else.
   *
   * @returns a function that removes the listener
   * @throws LockConfigurationError if it is not a function
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

  /** The same as `onChange`, for a listener that does not throw. */
  protected listen(listener: (change: LeadershipEvent) => void): () => void {
    return this.#locks.events.listen((event) => {
      if (isLeadership(event) && event.name === this.name) listener(event);
    });
  }
}

/**
 * Checks the values of the options.
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
