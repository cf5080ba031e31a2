import { AsyncLocalStorage } from 'node:async_hooks';
import type { HeldLease } from './lease.js';

/** The leases that the running code is inside of, innermost first. */
interface LeaseScope {
  readonly lease: HeldLease;
  /** Tells apart two lock managers in one process that use the same names. */
  readonly owner: object;
  readonly outer: LeaseScope | undefined;
}

// Registered globally: the ESM and the CJS build may both be loaded, and must see each other's leases.
const KEY = Symbol.for('nestjs-exclusive-lock/current-lease');
const shared = globalThis as { [KEY]?: AsyncLocalStorage<LeaseScope> };
const storage = (shared[KEY] ??= new AsyncLocalStorage<LeaseScope>());

export function runInside<T>(lease: HeldLease, owner: object, work: () => T): T {
  return storage.run({ lease, owner, outer: storage.getStore() }, work);
}

/** The innermost lease that the calling code runs under. */
export function currentLease(): HeldLease | undefined {
  return storage.getStore()?.lease;
}

/** The lease on `name` that the calling code runs under and that is still held. */
export function enclosingLease(name: string, owner: object): HeldLease | undefined {
  for (let scope = storage.getStore(); scope; scope = scope.outer) {
    if (scope.owner === owner && scope.lease.name === name && scope.lease.held) return scope.lease;
  }
  return undefined;
}
