import type { Claim } from '../lock-store.js';
import { slotOf } from './slot-of.js';

/**
 * A lock is the string `<prefix>:<name>`. What else is kept of it is in the same cluster slot, each with an expiry of its
 * own: `{<prefix>:<name>}:fence`, the last one that was granted; the sorted sets `…:queue` and `…:undone`, those who wait
 * for it and the acquisitions that were undone; and `…:tick:<series>`, `…:gap:<series>` and `…:key:<series>`, the marks of
 * runs.
 */
export class LockKeys {
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  lock(name: string): string {
    return `${this.prefix}:${name}`;
  }

  toRead(name: string): [lock: string, queue: string] {
    const lock = this.lock(name);
    return [lock, `${slotOf(lock)}:queue`];
  }

  toFree(name: string): [lock: string, fence: string, queue: string] {
    const lock = this.lock(name);
    const slot = slotOf(lock);
    return [lock, `${slot}:fence`, `${slot}:queue`];
  }

  toAcquire(name: string): [lock: string, fence: string, queue: string, undone: string] {
    const lock = this.lock(name);
    const slot = slotOf(lock);
    return [lock, `${slot}:fence`, `${slot}:queue`, `${slot}:undone`];
  }

  /** Where the last run of the series is marked. */
  mark(name: string, { kind, series }: Claim): string {
    return `${slotOf(this.lock(name))}:${kind}:${series}`;
  }
}
