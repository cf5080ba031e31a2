/**
 * Makes keys and channels that begin with it live in the slot of the lock: as its hash tag, unless the key prefix has one.
 * Braces, which no name has, tell them from other locks. The same as scripts/slot-of.lua.
 */
export function slotOf(lock: string): string {
  return lock.includes('{') ? `${lock}{}` : `{${lock}}`;
}
