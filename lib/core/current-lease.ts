import { AsyncLocalStorage } from 'node:async_hooks';
import type { HeldLease } from './held-lease.js';

/**
 * The leases that the running code is inside of, innermost first. A plain object without methods: two copies of the
 * package in one process read each other's.
 */
export interface LeaseScope {
  /** Undefined when the work has ended: a timer that it left behind keeps the scope, and must not keep the lease. */
  lease: HeldLease | undefined;
  /** Tells apart two lock managers in one process that use the same names. */
  owner: object | undefined;
  outer: LeaseScope | undefined;
}

// Registered globally: the ESM and the CJS build may both be loaded, and must see each other's leases.
const KEY = Symbol.for('nestjs-exclusive-lock/current-lease');
const shared = globalThis as { [KEY]?: AsyncLocalStorage<LeaseScope> };
const storage = (shared[KEY] ??= new AsyncLocalStorage<LeaseScope>());

/** The scope of work that is to run under the lease; `leaveScope` ends it. */
export function newScope(lease: HeldLease, owner: object): LeaseScope {
  return { lease, owner, outer: currentScope() };
}

export function runInside<T>(scope: LeaseScope, work: (lease: HeldLease) => T, lease: HeldLease): T {
  return storage.run(scope, work, lease);
}

/** From now on, timers and promises that the work left behind run outside the lease. */
export function leaveScope(scope: LeaseScope): void {
  scope.lease = undefined;
  scope.owner = undefined;
}

/** The innermost lease that the calling code runs under. A lost lease counts as long as its work goes on. */
export function currentLease(): HeldLease | undefined {
  return currentScope()?.lease;
}

/** The lease on `name` that the calling code runs under and that is still held. */
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

/** Drops ended scopes in between. Otherwise, work that schedules itself from inside would chain them without end. */
function outerOf(scope: LeaseScope): LeaseScope | undefined {
  return (scope.outer = firstOpen(scope.outer));
}

function firstOpen(scope: LeaseScope | undefined): LeaseScope | undefined {
  let open = scope;
  while (open && (!open.lease || open.lease.isReleased)) open = open.outer;
  return open;
}
