import type { Clock } from '../common/clock.js';
import type { LockStore } from '../stores/lock-store.js';
import type { MemoryLockStore } from '../stores/memory/memory-lock-store.js';
import { BreakableStore } from './breakable-store.js';
import type { ManualClock } from './manual-clock.js';
import { Outage } from './outage.js';
import { Suspension } from './suspension.js';

/** The time of the kit, as a process sees it that may be suspended. */
class ReplicaClock implements Clock {
  readonly #clock: ManualClock;
  readonly #suspension: Suspension;

  constructor(clock: ManualClock, suspension: Suspension) {
    this.#clock = clock;
    this.#suspension = suspension;
  }

  now(): number {
    return this.#clock.now();
  }

  wall(): number {
    return this.#clock.wall();
  }

  whenMoved(by: number, callback: () => void): () => void {
    let cancel = this.#clock.whenMoved(by, () => {
      cancel = this.#suspension.whenAwake(callback);
    });
    return () => cancel();
  }
}

/** One of several applications that share the store of a `LockTestKit`. To the others it is a process of its own. */
export interface TestReplica {
  /** Its name, as the others see it. */
  readonly name: string;
  /** For its module: `forRoot({ ...replica.options })`. */
  readonly options: { readonly store: LockStore; readonly replica: string };
  /**
   * Suspends this replica as SIGSTOP does: time goes on, but its leases are not renewed, its waits do not end, and no reply
   * of the store reaches it until `wake()`. A replica that is never woken has been killed, as far as others can tell.
   *
   * Code that the test calls runs nonetheless.
   */
  suspend(): void;
  /** Wakes this replica. When this resolves, it has noticed what it has lost, and the signals have aborted. */
  wake(): Promise<void>;
  /** Cuts this replica off from the store: each of its calls fails with a `LockStoreError` until `reconnect()`. */
  cutOff(): void;
  /** Connects this replica to the store again. */
  reconnect(): void;
}

/** A replica, and the connection of its application to the store. */
export class ReplicaOfKit implements TestReplica {
  readonly name: string;
  readonly options: TestReplica['options'];
  readonly way: BreakableStore;
  readonly #clock: ManualClock;
  readonly #suspension = new Suspension();
  readonly #cut: Outage;

  constructor(name: string, locks: MemoryLockStore, clock: ManualClock, outage: Outage) {
    const suspension = this.#suspension;
    this.name = name;
    this.#clock = clock;
    this.#cut = new Outage(clock);
    const own = new ReplicaClock(clock, suspension);
    this.way = new BreakableStore(locks, own, [outage, this.#cut], suspension);
    this.options = { store: this.way, replica: name };
  }

  suspend(): void {
    this.#suspension.begin();
  }

  async wake(): Promise<void> {
    this.#suspension.end();
    await this.#clock.advance(0);
  }

  cutOff(): void {
    this.#cut.begin();
  }

  reconnect(): void {
    this.#cut.end();
  }
}
