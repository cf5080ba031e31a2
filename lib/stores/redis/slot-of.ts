/**
 * The beginning of keys and channels that belong in the cluster slot of the lock: the lock as a hash tag, unless the
 * key prefix has a hash tag. Names of locks have no braces, so such a key is never taken for a lock.
 * scripts/slot-of.lua does the same.
 */
export function slotOf(lock: string): string {
  return lock.includes('{') ? `${lock}{}` : `{${lock}}`;
}
