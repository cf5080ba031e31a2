import type { AcquireRequest, LockStore } from '../../../lib/stores/lock-store.js';
import { eventually } from '../../support/eventually.js';

/** Who waits for a lock that is busy. */
export interface Waiter {
  readonly request: AcquireRequest;
  /** How often the store has told it since it stood in line. */
  turns: number;
  /** Ends that it is told. */
  readonly stop: () => void;
}

/** Stands in line, as one that has waited for `request.waited`; a connection that listens may have to be made first. */
export async function standInLine(store: LockStore, request: AcquireRequest): Promise<Waiter> {
  let inLine = false;
  const stop = store.watch?.(request.name, () => {
    if (inLine) waiter.turns++;
  });
  const waiter: Waiter = { request: { waited: 0, ...request }, turns: 0, stop: () => stop?.() };
  await eventually(async () => {
    const reply = await store.acquire(waiter.request, 1000);
    return reply.status === 'busy' && reply.inLine !== false;
  });
  inLine = true;
  return waiter;
}
