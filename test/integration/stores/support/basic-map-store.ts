import type {
  BasicAcquireResult,
  BasicHolder,
  BasicLockStore,
} from '../../../../lib/stores/basic/basic-lock-store.js';

interface Entry {
  owner: string;
  expiresAt: number;
}

/** A store as users of `@nestjs/locks` write it, with a clock that is not `Date`. */
export class BasicMapStore implements BasicLockStore {
  readonly #entries = new Map<string, Entry>();
  #counter = 0;

  async acquire(key: string, owner: string, ttl: number): Promise<BasicAcquireResult> {
    if (this.#live(key)) return { acquired: false };
    this.#entries.set(key, { owner, expiresAt: performance.now() + ttl });
    return { acquired: true, fencingToken: ++this.#counter };
  }

  async renew(key: string, owner: string, ttl: number): Promise<boolean> {
    const entry = this.#live(key);
    if (entry?.owner !== owner) return false;
    entry.expiresAt = performance.now() + ttl;
    return true;
  }

  async release(key: string, owner: string): Promise<boolean> {
    return this.#live(key)?.owner === owner && this.#entries.delete(key);
  }

  async inspect(key: string): Promise<BasicHolder | undefined> {
    const entry = this.#live(key);
    return entry && { owner: entry.owner, remaining: Math.ceil(entry.expiresAt - performance.now()) };
  }

  /** The keys that somebody has. */
  get keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.#live(key));
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry && entry.expiresAt > performance.now() ? entry : undefined;
  }
}
