import { AsyncLocalStorage } from 'node:async_hooks';
import type { HeldLease } from './held-lease.js';

/**
 * The leases under which the running code runs, innermost first. A plain object without methods, because two copies of
 * the package in one process read each other's scopes.
 */
export interface LeaseScope {
  /**
   * Undefined when the work has ended: a timer that the work left behind keeps the scope alive, and must not keep the
   * lease alive.
   */
  lease: HeldLease | undefined;
  /** Distinguishes two lock managers in one process that use the same names. */
  owner: object | undefined;
  outer: LeaseScope | undefined;
}

// Registered globally: the ESM and the CJS build may both be loaded, and must see each other's leases.
const KEY = Symbol.for('nestjs-exclusive-lock/current-lease');
const shared = globalThis as { [KEY]?: AsyncLocalStorage<LeaseScope> };
const storage = (shared[KEY] ??= new AsyncLocalStorage<LeaseScope>());

/** Makes a scope for work under the lease. `leaveScope` ends it. */
export function newScope(lease: HeldLease, owner: object): LeaseScope {
  return { lease, owner, outer: currentScope() };
}

export function runInside<T>(scope: LeaseScope, work: (lease: HeldLease) => T, lease: HeldLease): T {
  return storage.run(scope, work, lease);
}

/** Ends the scope: timers and promises that the work left behind run outside the lease. */
export function leaveScope(scope: LeaseScope): void {
  scope.lease = undefined;
  scope.owner = undefined;
}

/** The innermost lease under which the calling code runs. A lost lease counts until its work ends. */
export function currentLease(): HeldLease | undefined {
  return currentScope()?.lease;
}

/** The lease on `name` under which the calling code runs, if it is still held. */
export function enclosingLease(name: string, owner: object): HeldLease | undefined {
  for (let scope = currentScope(); scope; scope = outerOf(scope)) {
    const { lease } = scope;
    if (scope.owner === owner && lease?.name === name && lease.held) return lease;
  }
  return undefined;
}

function currentScope(): LeaseScope | undefined {
  return firstOpen(storage.getStore());
}

/** Drops ended scopes in between. Otherwise, work that schedules its own next call would chain scopes without end. */
function outerOf(scope: LeaseScope): LeaseScope | undefined {
  return (scope.outer = firstOpen(scope.outer));
}

function firstOpen(scope: LeaseScope | undefined): LeaseScope | undefined {
  let open = scope;
  while (open && (!open.lease || open.lease.isReleased)) open = open.outer;
  return open;
}
