import { escapeBraces, unescapeBraces } from '../../common/braces.js';
import type { Claim, OwnerRequest } from '../lock-store.js';
import { slotOf } from './slot-of.js';

/**
 * A lock is the string `<prefix>:<name>`, braces in the name escaped. What else is kept of it is in the same cluster slot,
 * each with an expiry of its own: `{<prefix>:<name>}:token`, the last fencing token; the sorted set `…:queue`, the waiters;
 * `…:void:<owner>`, the sign that this owner is not granted the lock any more; and `…:tick:<job>`, `…:gap:<job>`
 * and `…:key:<job>`, the marks of runs.
 */
export class LockKeys {
  readonly prefix: string;

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
    const lock = this.lock(name);
    return [lock, `${slotOf(lock)}:queue`];
  }

  toFree(name: string): [lock: string, token: string, queue: string] {
    const lock = this.lock(name);
    const slot = slotOf(lock);
    return [lock, `${slot}:token`, `${slot}:queue`];
  }

  /** All that concerns one acquisition. */
  ofOwner({ name, owner }: OwnerRequest, claim: Claim | undefined): string[] {
    const lock = this.lock(name);
    const slot = slotOf(lock);
    const keys = [lock, `${slot}:token`, `${slot}:queue`, `${slot}:void:${owner}`];
    if (claim) keys.push(`${slot}:${claim.kind}:${claim.job}`);
    return keys;
  }

  /** Where the last run of the job is marked. */
  mark(name: string, { kind, job }: Claim): string {
    return `${slotOf(this.lock(name))}:${kind}:${job}`;
  }
}
