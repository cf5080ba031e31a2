import { GRANT_TIMEOUT, WAITER_RETENTION, type AcquireRequest } from './lock-store.js';

/** A waiter in an embedded store. Times are by the store's steady clock. */
export interface Waiter {
  readonly owner: string;
  readonly holder: string;
  readonly ttl: number;
  /** When it began to wait. */
  readonly since: number;
  /** When it last asked. */
  asked: number;
  /** The process of the waiter, if the store can find out whether it still exists. */
  process?: unknown;
}

/** Queues the caller, or keeps it queued. Returns whether the entry must be written. */
export function joinQueue(
  queue: Waiter[],
  request: AcquireRequest & { waited: number },
  now: number,
): boolean {
  const { owner, holder, ttl, waited } = request;
  const known = queue.find((waiter) => waiter.owner === owner);
  if (known) {
    // Not at each request, because each write of a lock wakes all its waiters.
    if (now - known.asked < WAITER_RETENTION / 4) return false;
    known.asked = now;
    return true;
  }
  queue.push({ owner, holder, ttl, since: now - waited, asked: now });
  queue.sort((a, b) => a.since - b.since);
  return true;
}

/** Removes the first waiter from the queue and returns it. Drops the waiters before it that have stopped asking. */
export function takeNext(queue: Waiter[], now: number): Waiter | undefined {
  for (let next = queue.shift(); next; next = queue.shift()) {
    // The steady clock starts again with the machine: a later time than now was written before a restart.
    if (next.asked <= now && now - next.asked <= WAITER_RETENTION) return next;
  }
  return undefined;
}

/** Removes an owner from the queue. Returns whether it was queued. */
export function leaveQueue(queue: Waiter[], owner: string): boolean {
  const at = queue.findIndex((waiter) => waiter.owner === owner);
  if (at >= 0) queue.splice(at, 1);
  return at >= 0;
}

/** Milliseconds for which the lock is kept for this waiter after a hand-over, unless the waiter renews it. */
export function keptFor({ ttl }: Waiter): number {
  return Math.min(ttl, GRANT_TIMEOUT);
}
