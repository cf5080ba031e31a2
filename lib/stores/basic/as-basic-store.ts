import { hash } from 'node:crypto';
import type { LockStore, OwnerRequest } from '../lock-store.js';
import type { BasicAcquireResult, BasicLockStore } from './basic-lock-store.js';

/** Milliseconds for each call. */
const WITHIN = 5000;
/** The longest name that every store takes, in bytes. */
const LONGEST_NAME = 512;

/**
 * Gives a store of this library the three methods of `@nestjs/locks` 0.0.1, for code that wants those. A key is the lock
 * of that name.
 *
 * @example
 * storage.registerSource(asBasicStore(store));
 */
export function asBasicStore(store: LockStore): BasicLockStore {
  return new StoreAsBasic(store);
}

class StoreAsBasic implements BasicLockStore {
  readonly #store: LockStore;
  /** Those that have a lock, as far as this process knows. The store would grant it to them again. */
  readonly #owners = new Set<string>();

  constructor(store: LockStore) {
    this.#store = store;
  }

  async acquire(key: string, owner: string, ttl: number): Promise<BasicAcquireResult> {
    const own = ownerOf(key, owner);
    if (this.#owners.has(own.owner) && (await this.#isHeldBy(own))) return { acquired: false };
    this.#owners.add(own.owner);
    try {
      const reply = await this.#store.acquire({ ...own, ttl, holder: JSON.stringify({ owner }) }, WITHIN);
      if (reply.status === 'granted') return { acquired: true, fencingToken: reply.fencingToken };
    } catch (error) {
      // It may be granted all the same, and the caller has no way to say that it does not want that.
      await this.#store.release({ ...own, ttl, end: 'void' }, WITHIN).catch(() => undefined);
      this.#owners.delete(own.owner);
      throw error;
    }
    this.#owners.delete(own.owner);
    return { acquired: false };
  }

  async renew(key: string, owner: string, ttl: number): Promise<boolean> {
    const [reply] = await this.#store.renew([{ ...ownerOf(key, owner), ttl }], WITHIN);
    return reply === 'held';
  }

  async release(key: string, owner: string): Promise<boolean> {
    const own = ownerOf(key, owner);
    const reply = await this.#store.release({ ...own, ttl: WITHIN, end: 'unfinished' }, WITHIN);
    this.#owners.delete(own.owner);
    return reply === 'held';
  }

  async #isHeldBy({ name, owner }: OwnerRequest): Promise<boolean> {
    return (await this.#store.inspect(name, WITHIN))?.owner === owner;
  }
}

/** Whatever the key and the owner are made of, and however long they are. The owner of two keys is two. */
function ownerOf(key: string, owner: string): OwnerRequest {
  const name = Buffer.byteLength(key) <= LONGEST_NAME ? key : `sha256:${hash('sha256', key)}`;
  return { name, owner: hash('sha256', JSON.stringify([key, owner]), 'base64url').slice(0, 32) };
}
