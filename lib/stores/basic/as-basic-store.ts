import { hash, randomBytes } from 'node:crypto';
import type { LockStore, OwnerRequest } from '../lock-store.js';
import type { BasicAcquireResult, BasicLockStore } from './basic-lock-store.js';

/** Milliseconds for each call. */
const WITHIN = 5000;
/** The longest name that every store takes, in bytes. */
const LONGEST_NAME = 512;

/**
 * Gives a store of this library the three methods of `@nestjs/locks` 0.0.1, for code that expects those. A key is the
 * lock of that name.
 *
 * @example
 * storage.registerSource(asBasicStore(store));
 */
export function asBasicStore(store: LockStore): BasicLockStore {
  return new StoreAsBasic(store);
}

class StoreAsBasic implements BasicLockStore {
  readonly #store: LockStore;
  /**
   * The owners in the store, by key and owner. Each acquisition has a new owner there, because the store refuses an
   * owner whose acquisition has ended.
   */
  readonly #owners = new Map<string, string>();

  constructor(store: LockStore) {
    this.#store = store;
  }

  async acquire(key: string, owner: string, ttl: number): Promise<BasicAcquireResult> {
    const own = { name: nameOf(key), owner: randomBytes(18).toString('base64url') };
    // The request may still be granted, and the caller has no way to withdraw it.
    const giveUp = (): Promise<unknown> =>
      this.#store.release({ ...own, ttl, end: 'void' }, WITHIN).catch(() => undefined);
    try {
      const reply = await this.#store.acquire({ ...own, ttl, holder: holderOf(owner) }, WITHIN);
      if (reply.status === 'granted') {
        this.#owners.set(idOf(key, owner), own.owner);
        return { acquired: true, fencingToken: reply.fencingToken };
      }
      if (reply.unsettled) await giveUp();
      return { acquired: false };
    } catch (error) {
      await giveUp();
      throw error;
    }
  }

  async renew(key: string, owner: string, ttl: number): Promise<boolean> {
    const own = await this.#find(key, owner);
    if (!own) return false;
    const [reply] = await this.#store.renew([{ ...own, ttl }], WITHIN);
    return reply === 'held';
  }

  async release(key: string, owner: string): Promise<boolean> {
    const own = await this.#find(key, owner);
    if (!own) return false;
    const reply = await this.#store.release({ ...own, ttl: WITHIN, end: 'unfinished' }, WITHIN);
    if (this.#owners.get(idOf(key, owner)) === own.owner) this.#owners.delete(idOf(key, owner));
    return reply === 'held';
  }

  /** Undefined if the owner does not have the key. Another process may have acquired it for the same owner. */
  async #find(key: string, owner: string): Promise<OwnerRequest | undefined> {
    const name = nameOf(key);
    const known = this.#owners.get(idOf(key, owner));
    if (known !== undefined) return { name, owner: known };
    const held = await this.#store.inspect(name, WITHIN);
    return held?.owner !== undefined && held.holder === holderOf(owner)
      ? { name, owner: held.owner }
      : undefined;
  }
}

const idOf = (key: string, owner: string): string => JSON.stringify([key, owner]);
const holderOf = (owner: string): string => JSON.stringify({ owner });

/** Makes a valid lock name from any key. */
function nameOf(key: string): string {
  return Buffer.byteLength(key) <= LONGEST_NAME ? key : `sha256:${hash('sha256', key)}`;
}
