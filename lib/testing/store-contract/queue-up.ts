import { strict as assert } from 'node:assert';
import type { AcquireRequest, LockStore, QueueGrant } from '../../stores/lock-store.js';
import { eventually } from './checks.js';
import { WITHIN } from './subject.js';

/** One that waits for a lock. */
export interface QueuedWaiter {
  readonly request: AcquireRequest;
  /** How often the store has notified it since it was queued. */
  notified: number;
  /** The grants that the store has reported to it since then. */
  readonly grants: readonly QueueGrant[];
  /** Unsubscribes from the notifications. */
  readonly stop: () => void;
}

/** Queues up, as one that has waited for `request.waited`; a connection that listens may have to be made first. */
export async function queueUp(store: LockStore, wanted: AcquireRequest): Promise<QueuedWaiter> {
  const request = { waited: 0, ...wanted };
  const grants: QueueGrant[] = [];
  let isQueued = false;
  const stop = store.queue!.watch(request.name, (grant) => {
    if (!isQueued) return;
    waiter.notified++;
    if (grant) grants.push(grant);
  });
  const waiter: QueuedWaiter = { request, notified: 0, grants, stop };
  await eventually('the caller is queued', async () => {
    const reply = await store.acquire(request, WITHIN);
    assert.notEqual(reply.status, 'granted');
    return reply.status === 'busy' && reply.queued === true;
  });
  isQueued = true;
  return waiter;
}
