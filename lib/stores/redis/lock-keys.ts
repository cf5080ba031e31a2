import { escapeBraces, unescapeBraces } from '../../common/braces.js';
import type { Claim, JobRequest, OwnerRequest } from '../lock-store.js';
import { slotOf } from './slot-of.js';

/** The keys of one lock, and the hash tag of all others. */
interface KeysOfLock {
  readonly lock: string;
  readonly slot: string;
  readonly token: string;
  readonly queue: string;
}

/** The number of locks whose keys are cached. */
const MOST_KNOWN = 1000;

/**
 * The keys of locks. A lock is the string `<prefix>:<name>`, with braces in the name escaped. The other keys of a lock
 * are in the same cluster slot, each with an expiry of its own:
 * - `{<prefix>:<name>}:token`: the last fencing token;
 * - `…:queue`: a sorted set of the waiters;
 * - `…:void:<owner>`: exists if the store must not grant the lock to this owner any more;
 * - `…:tick:<job>`, `…:gap:<job>` and `…:key:<job>`: the records of jobs.
 * - `{<prefix>:}:replicas`: a hash of the replicas, in the place of a lock without a name, which does not exist.
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

  /** The beginning of the keys of all locks whose names begin with `prefix`. */
  beginning(prefix: string): string {
    // A '%' may be escaped or not, depending on the characters that follow.
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

  /** Adds the keys that an acquisition touches. */
  addToAcquire(keys: string[], { name, owner }: OwnerRequest, claim: Claim | undefined): void {
    const { lock, token, queue, slot } = this.#of(name);
    keys.push(lock, token, queue, `${slot}:void:${owner}`);
    if (claim) keys.push(`${slot}:${claim.kind}:${claim.job}`);
  }

  /** Adds the keys that a release touches. `isUnsettled`: a copy of its acquisition may still arrive. */
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

  /** The key of what is known of a job. */
  record(name: string, { kind, job }: Pick<JobRequest, 'kind' | 'job'>): string {
    return `${slotOf(this.lock(name))}:${kind}:${job}`;
  }

  get replicas(): string {
    return `${slotOf(this.lock(''))}:replicas`;
  }

  /** Caches the keys: an application has few names, or uses each again soon. */
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
