/** The scope of all that is reported. */
export const SCOPE = 'nestjs-exclusive-lock';

/** The names of attributes. */
export const ATTRIBUTE = {
  /** The job, where it is known. */
  job: 'exclusive_lock.job',
  /** The name of a lock: on spans, and of elections. Names of other locks may be made of arguments. */
  name: 'exclusive_lock.name',
  fencingToken: 'exclusive_lock.fencing_token',
  tick: 'exclusive_lock.tick',
  missed: 'exclusive_lock.missed',
  byHand: 'exclusive_lock.by_hand',
  outcome: 'exclusive_lock.outcome',
  reason: 'exclusive_lock.reason',
  granted: 'exclusive_lock.granted',
} as const;

/** Names one grant of a lock. */
export function leaseOf({ name, fencingToken }: { name: string; fencingToken: number }): string {
  return `${fencingToken} ${name}`;
}
