import { checkOptions, refuse, type KnownOptions } from '../common/check-options.js';
import { checkDuration, type Duration } from '../common/duration.js';
import { LockConfigurationError } from '../common/errors.js';
import { messages } from '../common/messages.js';
import { HolderIdentity, parseHolder } from '../core/holder.js';
import { resolveTimes } from '../core/lease-options.js';
import { checkMadeName } from '../core/lock-name.js';
import { claimOf, describeClaim, type Occurrence } from '../core/occurrence.js';
import type { AcquireRequest, LockStore } from '../stores/lock-store.js';
import { MemoryLockStore } from '../stores/memory/memory-lock-store.js';
import { BreakableStore } from './breakable-store.js';
import { ManualClock } from './manual-clock.js';
import { Outage } from './outage.js';
import { settled } from './settled.js';
import { ReplicaOfKit, type TestReplica } from './test-replica.js';

/** Options of `holdElsewhere()`. */
export interface HoldElsewhereOptions {
  /** Any JSON value to keep in the lock. Callers that inspect the lock or find it busy can read it. */
  readonly contents?: unknown;
  /**
   * How long the lock stays after `die()`. At least 100 ms.
   *
   * @default 10_000
   */
  readonly ttl?: Duration | undefined;
  /**
   * The run in the other replica, such as a tick of a job. It is recorded: as succeeded after `release()`, as abandoned
   * after `die()`. Without it, the lock is held but nothing runs.
   */
  readonly occurrence?: Occurrence | undefined;
}

/** A lock that another replica holds, as far as the application can tell. */
export interface HeldElsewhere {
  /** The name of the lock. */
  readonly name: string;
  /** The other replica releases the lock. Does nothing the second time. */
  release(): Promise<void>;
  /** The other replica is killed: the lock is free when the clock has moved on by its `ttl`. */
  die(): Promise<void>;
}

const HOLD_OPTIONS: KnownOptions<HoldElsewhereOptions> = { contents: true, ttl: true, occurrence: true };
const HISTORY = 20;
const DEFAULT_TIMES = { ttl: 10_000, renewEvery: 10_000 / 3 };

/**
 * Locks for the tests of an application, in memory and on a clock of their own. The test can make things go wrong with
 * them; see docs/testing.md. Applications that share the store of a kit are replicas of each other. Make a new kit for
 * each test.
 *
 * @example
 * const kit = new LockTestKit();
 * const app = await Test.createTestingModule({
 *   imports: [ExclusiveLockModule.forRoot({ store: kit.store })],
 *   providers: [Reports],
 * }).compile();
 * const other = await kit.holdElsewhere('nightly-report');
 * expect(await app.get(Reports).nightly()).toBeUndefined();
 */
export class LockTestKit {
  /** The time of leases, waits and the store. It stands still until the test moves it. */
  readonly clock = new ManualClock();
  readonly #locks = new MemoryLockStore(this.clock, () => this.clock.wall());
  readonly #outage = new Outage(this.clock);
  readonly #way = new BreakableStore(this.#locks, this.clock, [this.#outage]);
  readonly #others = new HolderIdentity('another-replica');
  readonly #replicas = new Map<string, ReplicaOfKit>();
  readonly #elsewhere = new Set<string>();

  /** For `ExclusiveLockModule.forRoot({ store: kit.store })`. */
  readonly store: LockStore = this.#way;

  /**
   * Makes the store of one of several applications, each of which the test can suspend and cut off from the others.
   *
   * @param name the name of the replica, different for each
   * @throws LockConfigurationError for a bad name, or one that this kit has
   * @example
   * const one = kit.replica('one');
   * const app = await Test.createTestingModule({
   *   imports: [ExclusiveLockModule.forRoot({ ...one.options })],
   * }).compile();
   * one.suspend();
   * await kit.clock.advance('1m'); // the others take over
   * await one.wake();
   */
  replica(name: string): TestReplica {
    checkMadeName(name, 'The name of a replica');
    if (name === this.#others.replica || this.#replicas.has(name))
      throw new LockConfigurationError(messages.replicaExists(name));
    const replica = new ReplicaOfKit(name, this.#locks, this.clock, this.#outage);
    this.#replicas.set(name, replica);
    return replica;
  }

  /**
   * Holds a lock as another replica, named `another-replica`, until its `release()` or `die()`. This works even while
   * the store is down for the application.
   *
   * @throws LockConfigurationError if the lock is held already, or for a bad name or option
   */
  async holdElsewhere(name: string, options: HoldElsewhereOptions = {}): Promise<HeldElsewhere> {
    checkMadeName(name);
    checkOptions(options, HOLD_OPTIONS, 'holdElsewhere');
    const { ttl } = resolveTimes(options, DEFAULT_TIMES);
    const request = this.#requestElsewhere(name, options);
    const reply = await this.#locks.acquire(request);
    if (reply.status !== 'granted' && reply.status !== 'busy')
      throw new LockConfigurationError(
        messages.notRunElsewhere(name, describeClaim(request.claim!), reply.status),
      );
    if (reply.status !== 'granted') {
      throw new LockConfigurationError(messages.heldAlready(name, parseHolder(reply).replica));
    }
    return this.#heldElsewhere(request, ttl, reply.fencingToken);
  }

  /**
   * Takes a lock away from the work of the application that holds it, as a failover of Redis may. By default, another
   * replica holds it afterwards. When this resolves, the lease is lost and its signal has aborted.
   *
   * @param how `taken`: another replica holds the lock now; `vanished`: nobody holds it
   * @returns the lock of the other replica
   * @throws LockConfigurationError if the application does not hold the lock
   */
  loseLease(name: string, how?: 'taken'): Promise<HeldElsewhere>;
  loseLease(name: string, how: 'vanished'): Promise<void>;
  async loseLease(name: string, how: 'taken' | 'vanished' = 'taken'): Promise<HeldElsewhere | void> {
    checkMadeName(name);
    if (how !== 'taken' && how !== 'vanished') refuse('how', "'taken' or 'vanished'", how);
    await settled();
    const owner = (await this.#locks.inspect(name))?.owner;
    const elsewhere = owner !== undefined && this.#elsewhere.has(owner);
    if (owner === undefined || elsewhere)
      throw new LockConfigurationError(messages.nothingToLose(name, elsewhere));
    const other = how === 'taken' ? this.#seize(name) : undefined;
    if (how === 'vanished') await this.#locks.release({ name, owner, ttl: 0, end: 'unfinished' });
    for (const way of [this.#way, ...[...this.#replicas.values()].map((replica) => replica.way)])
      way.tellTakenAway({ name, owner }, how);
    await settled();
    return other;
  }

  /** Makes every call of the store fail with a `LockStoreError` until `up()`, in all replicas. */
  down(): void {
    this.#outage.begin();
  }

  /** Makes the store work again. */
  up(): void {
    this.#outage.end();
  }

  /**
   * Makes every call of the store fail with a `LockStoreError` until the clock has moved on by `duration`.
   *
   * @throws LockConfigurationError for a bad duration
   */
  downFor(duration: Duration): void {
    const ms = checkDuration('duration', duration, 0, { longest: Number.MAX_SAFE_INTEGER });
    this.#outage.begin(ms);
  }

  #seize(name: string): HeldElsewhere {
    const request = this.#requestElsewhere(name);
    this.#locks.seize(request);
    return this.#heldElsewhere(request, DEFAULT_TIMES.ttl, 0);
  }

  /** The lock is never renewed, and does not expire before its holder is told to die. */
  #requestElsewhere(name: string, { contents, occurrence }: HoldElsewhereOptions = {}): AcquireRequest {
    const claim = occurrence && { ...claimOf(occurrence), history: HISTORY, replica: this.#others.replica };
    const holder = this.#others.describe(contents, claim && describeClaim(claim));
    return { name, owner: this.#others.newOwner(), holder, ttl: Infinity, claim };
  }

  #heldElsewhere({ name, owner, claim }: AcquireRequest, ttl: number, fencingToken: number): HeldElsewhere {
    this.#elsewhere.add(owner);
    return {
      name,
      release: async () => {
        const run = claim && ({ fencingToken, outcome: 'succeeded' } as const);
        await this.#locks.release({ name, owner, ttl, claim, run, end: run ? 'completed' : 'unfinished' });
        await settled();
      },
      die: async () => {
        await this.#locks.renew([{ name, owner, ttl }]);
      },
    };
  }
}
