import { VOID_RETENTION } from '../lock-store.js';

/**
 * The owners of whose acquisition another copy may still be on its way to the server: a connection broke, or no reply came
 * in time. Only their releases leave a sign at the server that refuses such a copy; all others pay nothing for it.
 *
 * The sign names the owner. A moment of the server's clock, after which a copy is too late, would need no sign; but in a
 * cluster each node has a clock of its own, and one that is set back would let the copy pass.
 */
export class UnsettledOwners {
  readonly #since = new Map<string, number>();

  add(owner: string): void {
    const now = performance.now();
    // Last in the order of the map, which is that of time.
    this.#since.delete(owner);
    this.#since.set(owner, now);
    for (const [old, since] of this.#since) {
      if (now - since < VOID_RETENTION) return;
      this.#since.delete(old);
    }
  }

  get size(): number {
    return this.#since.size;
  }

  has(owner: string): boolean {
    return this.#since.has(owner);
  }

  /** Once its release was answered. */
  delete(owner: string): void {
    this.#since.delete(owner);
  }
}
