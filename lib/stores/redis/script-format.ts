import {
  MAX_ATTEMPTS,
  recordsCompletion,
  retentionFor,
  type AcquireReply,
  type AcquireRequest,
  type Claim,
  type ReleaseRequest,
  type StoredLock,
} from '../lock-store.js';
import type { Argument } from './redis-connection.js';

/**
 * Adds the arguments of acquire.lua for one request. `address`: where the script reports a grant; undefined: do not
 * queue.
 */
export function addAcquireArguments(
  args: Argument[],
  { owner, holder, ttl, claim, waited = 0 }: AcquireRequest,
  address: string | undefined,
): void {
  args.push(owner, restOf(holder), ttl);
  if (!claim && address === undefined) {
    args.push('');
    return;
  }
  args.push(claim?.kind ?? 'none', address === undefined ? '' : `${Math.round(waited)}\n${address}`);
  if (claim) args.push(numberOf(claim), retentionFor(claim), claim.application ?? '', ...onlyOfTicks(claim));
}

function onlyOfTicks(claim: Claim): [most: number, askedAt: Argument] {
  if (claim.kind !== 'tick') return [0, ''];
  const { rerun, maxAttempts = MAX_ATTEMPTS, askedAt = '' } = claim;
  return [rerun ? maxAttempts : 0, askedAt];
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

/** The claim whose mark changes when the acquisition ends; undefined if none does. */
export function recordedClaim({ claim, end }: ReleaseRequest): Claim | undefined {
  switch (end) {
    case 'completed':
      return recordsCompletion(claim) ? claim : undefined;
    case 'void':
      return claim?.kind === 'key' ? undefined : claim;
    case 'unfinished':
      return undefined;
  }
}

/**
 * Adds the arguments of release.lua for one request. `isUnsettled`: whether a copy of its acquisition may still arrive.
 */
export function addReleaseArguments(args: Argument[], request: ReleaseRequest, isUnsettled: boolean): void {
  const claim = recordedClaim(request);
  args.push(request.owner, isUnsettled ? 'unsettled' : '', claim ? request.end : '');
  if (claim) args.push(claim.kind, numberOf(claim), retentionFor(claim), claim.application ?? '');
}

/** Matches the owner and the fencing token, with which the text in a lock begins. */
const GRANT = /^\{"owner":"([^"]*)","token":(\d+)/;

/** The rest of the text in a lock, after owner and fencing token. */
function restOf(holder: string): string {
  return holder === '{}' ? '}' : `,${holder.slice(1)}`;
}

/** Reads the text in a lock. Owner and fencing token are undefined if another program has written it. */
export function holderIn(text: string): Pick<StoredLock, 'owner' | 'holder' | 'fencingToken'> {
  const [found, owner, fencingToken] = GRANT.exec(text) ?? [];
  if (found === undefined) return { owner: undefined, holder: text, fencingToken: undefined };
  const holder = text.length === found.length + 1 ? '{}' : `{${text.slice(found.length + 1)}`;
  return { owner, holder, fencingToken: Number(fencingToken) };
}

type Busy = Extract<AcquireReply, { status: 'busy' }>;

/**
 * Reads the decision of acquire.lua about one request.
 *
 * @param queueing turns what a `busy` decision says about the queue into a part of the reply. `lastToken` is the last
 * fencing token of the lock if the script has queued the request. It is null if no message would arrive, with the
 * `error` if there was one. It is undefined if the request gave no address.
 */
export function acquireReply(
  value: unknown,
  queueing: (lastToken: string | number | null | undefined, error: unknown) => Partial<Busy> | undefined,
): AcquireReply {
  if (!Array.isArray(value)) return { status: 'granted', fencingToken: Number(value) };
  const [status, decidedAt] = value as [AcquireReply['status'], number | null];
  const now = decidedAt ?? undefined;
  switch (status) {
    case 'granted': {
      const [, , fencingToken, futureMark] = value as [string, number, string | number, number | null];
      return { status, now, fencingToken: Number(fencingToken), ...(futureMark && { futureMark }) };
    }
    case 'early':
      return { status, now, by: Number(value[2]) };
    case 'behind':
      return { status, now };
    case 'done': {
      const [, , application, attempts] = value as [string, number, string?, number?];
      return { status, now, ...(application && { application }), ...(attempts && { attempts }) };
    }
    case 'busy': {
      const [, , text, remaining, lastToken, error] = value as [
        string,
        number,
        string,
        number,
        string?,
        unknown?,
      ];
      const { owner, holder } = holderIn(text);
      const queue = queueing(lastToken, error);
      const busy = { status, now, owner, holder, remaining: expiry(remaining) } as const;
      return queue ? { ...busy, ...queue } : busy;
    }
  }
}

/** Makes a `StoredLock` of the values that a script has read. */
export function stored(text: string, remaining = -1, waiters = 0): StoredLock {
  return { ...holderIn(text), remaining: expiry(remaining), waiters };
}

/** PTTL returns -1 for a key without expiry. Another program may have set such a key. */
function expiry(pttl: number): number {
  return pttl < 0 ? Infinity : pttl;
}
