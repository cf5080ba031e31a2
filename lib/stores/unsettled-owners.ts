import { VOID_RETENTION } from './lock-store.js';

/**
 * The owners whose acquisition may have another copy on its way to the server: a connection broke, or no reply came in
 * time. Only the releases of these owners write a key that makes the server refuse such a copy. Other releases cost
 * nothing extra.
 *
 * The key names the owner. Without such a key, each request could carry a time of the server's clock after which it is
 * refused. But in a cluster each node has its own clock, and a clock that is set back would let the copy pass.
 */
export class UnsettledOwners {
  readonly #since = new Map<string, number>();

  add(owner: string): void {
    const now = performance.now();
    // Added again at the end, so that the map stays in the order of time.
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

  /** Call this when the release of the owner was answered. */
  delete(owner: string): void {
    this.#since.delete(owner);
  }
}
