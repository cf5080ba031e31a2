import { escapeBraces, unescapeBraces } from '../../common/braces.js';
import type { Claim } from '../lock-store.js';
import { slotOf } from './slot-of.js';

/**
 * A lock is the string `<prefix>:<name>`, braces in the name escaped. What else is kept of it is in the same cluster slot, each with an expiry of its
 * own: `{<prefix>:<name>}:token`, the last one that was granted; the sorted sets `…:queue` and `…:undone`, those who wait
 * for it and the acquisitions that were undone; and `…:tick:<job>`, `…:gap:<job>` and `…:key:<job>`, the marks of
 * runs.
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

  toFree(name: string): [lock: string, fencingToken: string, queue: string] {
    const lock = this.lock(name);
    const slot = slotOf(lock);
    return [lock, `${slot}:token`, `${slot}:queue`];
  }

  toAcquire(name: string): [lock: string, fencingToken: string, queue: string, undone: string] {
    const lock = this.lock(name);
    const slot = slotOf(lock);
    return [lock, `${slot}:token`, `${slot}:queue`, `${slot}:undone`];
  }

  /** Where the last run of the job is marked. */
  mark(name: string, { kind, job }: Claim): string {
    return `${slotOf(this.lock(name))}:${kind}:${job}`;
  }
}
