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

/** Adds the arguments of acquire.lua for one request. `address`: where its process hears of grants, if it is to be queued. */
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

/** What changes with the end of an acquisition in what is remembered of the job; undefined if nothing does. */
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

/** Adds the arguments of release.lua for one request. `isUnsettled`: whether a copy of its acquisition may still arrive. */
export function addReleaseArguments(args: Argument[], request: ReleaseRequest, isUnsettled: boolean): void {
  const claim = recordedClaim(request);
  args.push(request.owner, isUnsettled ? 'unsettled' : '', claim ? request.end : '');
  if (claim) args.push(claim.kind, numberOf(claim), retentionFor(claim), claim.application ?? '');
}

/** The owner and the fencing token of a grant, with which the text in a lock begins. */
const GRANT = /^\{"owner":"([^"]*)","token":(\d+)/;

/** What of a holder comes after these. */
function restOf(holder: string): string {
  return holder === '{}' ? '}' : `,${holder.slice(1)}`;
}

/** The holder that the text in a lock tells; without owner and fencing token if another program has written it. */
export function holderIn(text: string): Pick<StoredLock, 'owner' | 'holder' | 'fencingToken'> {
  const [found, owner, fencingToken] = GRANT.exec(text) ?? [];
  if (found === undefined) return { owner: undefined, holder: text, fencingToken: undefined };
  const holder = text.length === found.length + 1 ? '{}' : `{${text.slice(found.length + 1)}`;
  return { owner, holder, fencingToken: Number(fencingToken) };
}

type Busy = Extract<AcquireReply, { status: 'busy' }>;

/**
 * The decision of acquire.lua about one request. `queueing` makes of what it says of the queue what is replied about that:
 * the last fencing token if it is queued; null, and perhaps an error, if no message would arrive; undefined if its process did
 * not listen.
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

/** A lock that a script has read. */
export function stored(text: string, remaining = -1, waiters = 0): StoredLock {
  return { ...holderIn(text), remaining: expiry(remaining), waiters };
}

/** PTTL says -1 of a key without expiry, which another program may have set. */
function expiry(pttl: number): number {
  return pttl < 0 ? Infinity : pttl;
}
