import {
  MAX_ATTEMPTS,
  TICK_RETENTION,
  recordsCompletion,
  retentionFor,
  type AcquireReply,
  type AcquireRequest,
  type Claim,
  type JobPause,
  type ReleaseRequest,
  type StoredLock,
} from '../lock-store.js';
import { holderIn, restOf } from './holder-text.js';
import { endArgument, historyArgument, missedArgument } from './job-format.js';
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
  args.push(claim ? kindOf(claim) : 'none', address === undefined ? '' : `${Math.round(waited)}\n${address}`);
  if (!claim) return;
  args.push(numberOf(claim), recordRetention(claim), claim.application ?? '', ...onlyOfTicks(claim));
  args.push(missedArgument(claim), historyArgument(claim));
}

function onlyOfTicks(claim: Claim): [most: number, askedAt: Argument] {
  if (claim.kind !== 'tick') return [0, ''];
  const { rerun, maxAttempts = MAX_ATTEMPTS, askedAt = '' } = claim;
  return [rerun ? maxAttempts : 0, askedAt];
}

/** A run by hand is marked nowhere. */
function kindOf({ kind, byHand }: Claim): string {
  return byHand ? 'hand' : kind;
}

/** Mark and runs are one key. */
function recordRetention(claim: Claim): number {
  return claim.history ? Math.max(retentionFor(claim), TICK_RETENTION) : retentionFor(claim);
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

/** The claim whose record changes when the acquisition ends; undefined if none does. */
export function recordedClaim({ claim, end, run }: ReleaseRequest): Claim | undefined {
  if (claim?.history && (run || end === 'void')) return claim;
  if (claim?.byHand) return undefined;
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
  const { owner, end, run } = request;
  const claim = recordedClaim(request);
  args.push(owner, isUnsettled ? 'unsettled' : '');
  if (!claim) {
    args.push('');
    return;
  }
  const marked = end === 'completed' && !recordsCompletion(claim) ? 'unfinished' : end;
  args.push(marked, kindOf(claim), numberOf(claim), recordRetention(claim));
  args.push(claim.application ?? '', endArgument(run));
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
      const [, , fencingToken, futureMark, idle] = value as [
        string,
        number,
        string | number,
        number | null,
        number | null,
      ];
      const mark = futureMark && { futureMark };
      return { status, now, fencingToken: Number(fencingToken), ...mark, ...idleSince(idle) };
    }
    case 'paused':
      return { status, now, pause: JSON.parse(String(value[2])) as JobPause, ...idleSince(value[3]) };
    case 'early':
      return { status, now, by: Number(value[2]) };
    case 'behind':
      return { status, now };
    case 'done': {
      const [, , application, attempts, missed, idle] = value as [
        string,
        number,
        string?,
        number?,
        number?,
        number?,
      ];
      const more = { ...(missed === 1 && { isMissed: true }), ...idleSince(idle) };
      return { status, now, ...(application && { application }), ...(attempts && { attempts }), ...more };
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

/** Scripts reply null where they know none. */
function idleSince(value: unknown): { idleSince?: number } {
  return typeof value === 'number' ? { idleSince: value } : {};
}

/** Makes a `StoredLock` of the values that a script has read. */
export function stored(text: string, remaining = -1, waiters = 0): StoredLock {
  return { ...holderIn(text), remaining: expiry(remaining), waiters };
}

/** PTTL returns -1 for a key without expiry. Another program may have set such a key. */
function expiry(pttl: number): number {
  return pttl < 0 ? Infinity : pttl;
}
