import { slotOf } from './slot-of.js';

/**
 * A lock is the string `<prefix>:<name>`; its fence and marks are the hash `{<prefix>:<name>}:state`, in the same cluster
 * slot, where the sorted sets `…:queue` and `…:undone` are those who wait for it and the acquisitions that were undone.
 */
export class LockKeys {
  readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  lock(name: string): string {
    return `${this.prefix}:${name}`;
  }

  of(name: string): [lock: string, state: string, queue: string] {
    const lock = this.lock(name);
    const slot = slotOf(lock);
    return [lock, `${slot}:state`, `${slot}:queue`];
  }

  toAcquire(name: string): string[] {
    const keys = this.of(name);
    return [...keys, `${slotOf(keys[0])}:undone`];
  }
}
