import { escapeBraces, unescapeBraces } from '../../common/braces.js';
import type { Claim, OwnerRequest } from '../lock-store.js';
import { slotOf } from './slot-of.js';

/** The keys of one lock, and the hash tag of all others. */
interface KeysOfLock {
  readonly lock: string;
  readonly slot: string;
  readonly token: string;
  readonly queue: string;
}

/** How many locks the keys are kept of. */
const MOST_KNOWN = 1000;

/**
 * A lock is the string `<prefix>:<name>`, braces in the name escaped. What else is kept of it is in the same cluster slot,
 * each with an expiry of its own: `{<prefix>:<name>}:token`, the last fencing token; the sorted set `…:queue`, the waiters;
 * `…:void:<owner>`, the sign that this owner is not granted the lock any more; and `…:tick:<job>`, `…:gap:<job>`
 * and `…:key:<job>`, the marks of runs.
 */
export class LockKeys {
  readonly prefix: string;
  readonly #known = new Map<string, KeysOfLock>();

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  lock(name: string): string {
    return `${this.prefix}:${escapeBraces(name)}`;
  }

  /** What a key must begin with to be a lock of a name that begins so. */
  beginning(prefix: string): string {
    // A name may have been escaped just after it.
    return this.lock(prefix.split('%', 1)[0]);
  }

  /** The name of the lock with this key. */
  nameOf(lock: string): string {
    return unescapeBraces(lock.slice(this.prefix.length + 1));
  }

  toRead(name: string): [lock: string, queue: string] {
    const { lock, queue } = this.#of(name);
    return [lock, queue];
  }

  toFree(name: string): [lock: string, token: string, queue: string] {
    const { lock, token, queue } = this.#of(name);
    return [lock, token, queue];
  }

  /** Adds those that an acquisition touches. */
  addToAcquire(keys: string[], { name, owner }: OwnerRequest, claim: Claim | undefined): void {
    const { lock, token, queue, slot } = this.#of(name);
    keys.push(lock, token, queue, `${slot}:void:${owner}`);
    if (claim) keys.push(`${slot}:${claim.kind}:${claim.job}`);
  }

  /** Adds those that a release touches. `isUnsettled`: a copy of its acquisition may still arrive. */
  addToRelease(
    keys: string[],
    { name, owner }: OwnerRequest,
    isUnsettled: boolean,
    recorded: Claim | undefined,
  ): void {
    const { lock, token, queue, slot } = this.#of(name);
    keys.push(lock, token, queue);
    if (isUnsettled) keys.push(`${slot}:void:${owner}`);
    if (recorded) keys.push(`${slot}:${recorded.kind}:${recorded.job}`);
  }

  /** Where the last run of the job is marked. */
  mark(name: string, { kind, job }: Claim): string {
    return `${slotOf(this.lock(name))}:${kind}:${job}`;
  }

  /** Kept for the next time: an application has few names, or uses each again soon. */
  #of(name: string): KeysOfLock {
    const known = this.#known.get(name);
    if (known) return known;
    const lock = this.lock(name);
    const slot = slotOf(lock);
    const keys = { lock, slot, token: `${slot}:token`, queue: `${slot}:queue` };
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(name, keys);
    return keys;
  }
}
