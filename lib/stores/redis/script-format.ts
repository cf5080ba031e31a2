import { BEHIND_TOLERANCE, EARLY_TOLERANCE, type Claim, type StoredLock } from '../lock-store.js';

/** Kind and series, and the number that goes with the kind. */
export function claimArguments(claim: Claim): (string | number)[] {
  const { kind, series } = claim;
  switch (claim.kind) {
    case 'tick':
      return [kind, series, claim.time];
    case 'gap':
      return [kind, series, claim.gap];
    case 'key':
      return [kind, series, claim.remember];
  }
}

/** When a tick may be granted. */
export function tickArguments(claim: Claim): (string | number)[] {
  if (claim.kind !== 'tick') return [];
  const late = claim.askedAt === undefined ? [] : [claim.askedAt, BEHIND_TOLERANCE];
  return [EARLY_TOLERANCE, claim.rerun ? '1' : '0', ...late];
}

const BEFORE_TOKEN = '{"token":"';

/** How a record begins, and no other: enough to know it again, and much shorter where thousands are sent. */
export function beginningOf(record: string): string {
  if (!record.startsWith(BEFORE_TOKEN)) return record;
  return record.slice(0, record.indexOf('"', BEFORE_TOKEN.length) + 1);
}

/** A lock that a script has read. */
export function stored(record: string, remaining = -1, fence?: string | null, waiters = 0): StoredLock {
  return { record, remaining: expiry(remaining), fence: fence ? Number(fence) : undefined, waiters };
}

/** PTTL says -1 of a key without expiry, which another program may have set. */
export function expiry(pttl: number): number {
  return pttl < 0 ? Infinity : pttl;
}
