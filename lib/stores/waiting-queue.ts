import { GRANT_TIMEOUT, WAITER_RETENTION, type AcquireRequest } from './lock-store.js';

/** One of those who wait for a lock of an embedded store. Times are on the store's steady clock. */
export interface Waiter {
  readonly owner: string;
  readonly holder: string;
  readonly ttl: number;
  /** When it began to wait. */
  readonly since: number;
  /** When it asked last. */
  asked: number;
  /** Whose it is, if the store can tell whether that is still there. */
  process?: unknown;
}

/** Queues the caller, or keeps it queued. Returns whether there is anything to write. */
export function joinQueue(
  queue: Waiter[],
  request: AcquireRequest & { waited: number },
  now: number,
): boolean {
  const { owner, holder, ttl, waited } = request;
  const known = queue.find((waiter) => waiter.owner === owner);
  if (known) {
    // Not each time it asks: each write of a lock wakes all who wait for it.
    if (now - known.asked < WAITER_RETENTION / 4) return false;
    known.asked = now;
    return true;
  }
  queue.push({ owner, holder, ttl, since: now - waited, asked: now });
  queue.sort((a, b) => a.since - b.since);
  return true;
}

/** Takes the first waiter out of the queue, and those before it who are not there any more. */
export function takeNext(queue: Waiter[], now: number): Waiter | undefined {
  for (let next = queue.shift(); next; next = queue.shift()) {
    // The steady clock starts anew with the machine: what was asked later than now was asked before that.
    if (next.asked <= now && now - next.asked <= WAITER_RETENTION) return next;
  }
  return undefined;
}

/** Takes an owner out of the queue. Returns whether it was in it. */
export function leaveQueue(queue: Waiter[], owner: string): boolean {
  const at = queue.findIndex((waiter) => waiter.owner === owner);
  if (at >= 0) queue.splice(at, 1);
  return at >= 0;
}

/** For how long the lock is kept for the waiter that it was given to, unless that asks for it. */
export function keptFor({ ttl }: Waiter): number {
  return Math.min(ttl, GRANT_TIMEOUT);
}
