import type { ExclusiveLock, ExclusiveLockOptions, ExclusiveLockService } from 'nestjs-exclusive-lock';

const made: ExclusiveLock[] = [];

/** A lock object that `releaseLocks()` gives back, since a shutdown waits for those that are held. */
export function lockOf(
  locks: ExclusiveLockService,
  name: string,
  options?: ExclusiveLockOptions,
): ExclusiveLock {
  const lock = locks.lock(name, options);
  made.push(lock);
  return lock;
}

/** For `afterEach`. */
export async function releaseLocks(): Promise<void> {
  await Promise.all(made.splice(0).map((lock) => lock.release()));
}
