import type {
  AcquireOptions,
  ExclusiveLock,
  ExclusiveLockOptions,
  ExclusiveLockService,
  Lease,
} from 'nestjs-exclusive-lock';

const made = new Set<{ release(): Promise<void> }>();

/** A lock object that `releaseLocks()` releases, since a shutdown waits for those that are held. */
export function lockOf(
  locks: ExclusiveLockService,
  name: string,
  options?: ExclusiveLockOptions,
): ExclusiveLock {
  const lock = locks.lock(name, options);
  made.add(lock);
  return lock;
}

/** The lease on a lock that is free, or that is waited for; `releaseLocks()` releases it. */
export async function leaseOf(
  locks: ExclusiveLockService,
  name: string,
  options?: AcquireOptions,
): Promise<Lease> {
  const lease = await locks.acquire(name, options);
  if (!lease) throw new Error(`The lock "${name}" was held.`);
  made.add(lease);
  return lease;
}

/** For `afterEach`. */
export async function releaseLocks(): Promise<void> {
  const all = [...made];
  made.clear();
  await Promise.all(all.map((lock) => lock.release()));
}
