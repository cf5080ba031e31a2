import {
  BEHIND_TOLERANCE,
  EARLY_TOLERANCE,
  MAX_ATTEMPTS,
  retentionFor,
  type AcquireReply,
  type Claim,
  type StoredLock,
} from '../lock-store.js';
import { beginningOf } from '../owner-token.js';
import type { ScriptReply } from './redis-connection.js';

/** A record as the scripts take it: how it begins, by which they know it, and the rest. */
export function inTwo(record: string): [beginning: string, rest: string] {
  const beginning = beginningOf(record);
  return [beginning, record.slice(beginning.length)];
}

/** What acquire.lua needs to know of a claim. */
export function claimArguments(claim: Claim): (string | number)[] {
  const common = [claim.kind, numberOf(claim), retentionFor(claim), claim.application ?? '', EARLY_TOLERANCE];
  if (claim.kind !== 'tick') return common;
  const { rerun, maxAttempts = MAX_ATTEMPTS, askedAt } = claim;
  const late = askedAt === undefined ? [] : [askedAt, BEHIND_TOLERANCE];
  return [...common, rerun ? maxAttempts : 0, ...late];
}

function numberOf(claim: Claim): number {
  switch (claim.kind) {
    case 'tick':
      return claim.time;
    case 'gap':
      return claim.gap;
    case 'key':
      return claim.remember;
  }
}

/** The scripts keep the fencing token in the record, after its token. */
const FENCE = /^(\{"token":"[^"]*"),"fence":(\d+)/;

/** The record of a holder as it was given to the store, and its fencing token; undefined where another program took the lock. */
export function holderIn(text: string): Pick<StoredLock, 'record' | 'fencingToken'> {
  const [found, beginning, fencingToken] = FENCE.exec(text) ?? [];
  if (found === undefined) return { record: text, fencingToken: undefined };
  return { record: beginning + text.slice(found.length), fencingToken: Number(fencingToken) };
}

/** `placeIn` makes of what acquire.lua says of a place in line what is answered of it. */
export function acquireReply(
  { value, retried }: ScriptReply,
  placeIn: (place: unknown[]) => Partial<Busy> | false,
): AcquireReply {
  const repeated = retried && { repeated: true };
  if (!Array.isArray(value)) return { status: 'granted', fencingToken: Number(value), ...repeated };
  const [status, decidedAt, ...details] = value as [AcquireReply['status'], number | null, ...unknown[]];
  const common = { now: decidedAt ?? undefined, ...repeated };
  switch (status) {
    case 'granted': {
      const [fencingToken, futureMark] = details as [string | number, number | null];
      return { status, ...common, fencingToken: Number(fencingToken), ...(futureMark && { futureMark }) };
    }
    case 'early':
      return { status, ...common, by: Number(details[0]) };
    case 'behind':
      return { status, ...common };
    case 'done': {
      const [application, attempts] = details as [string?, number?];
      return { status, ...common, ...(application && { application }), ...(attempts && { attempts }) };
    }
    case 'busy': {
      const [text, remaining, ...place] = details as [string, number, ...unknown[]];
      const { record } = holderIn(text);
      return { status, ...common, record, remaining: expiry(remaining), ...placeIn(place) };
    }
  }
}

type Busy = Pick<Extract<AcquireReply, { status: 'busy' }>, 'inLine' | 'lastToken'>;

/** A lock that a script has read. */
export function stored(text: string, remaining = -1, waiters = 0): StoredLock {
  return { ...holderIn(text), remaining: expiry(remaining), waiters };
}

/** PTTL says -1 of a key without expiry, which another program may have set. */
export function expiry(pttl: number): number {
  return pttl < 0 ? Infinity : pttl;
}
