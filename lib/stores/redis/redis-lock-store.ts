import { performance } from 'node:perf_hooks';
import type { OutageLog } from '../../common/outage-log.js';
import {
  BEHIND_TOLERANCE,
  EARLY_TOLERANCE,
  PLACE_RETENTION,
  UNDO_RETENTION,
  retentionFor,
  type AcquireReply,
  type AcquireRequest,
  type Claim,
  type ForceRequest,
  type LockStore,
  type OwnerReply,
  type OwnerRequest,
  type ReleaseRequest,
  type RenewRequest,
  type StoredLock,
  type UndoRequest,
} from '../lock-store.js';
import { answered } from '../answered.js';
import type { RedisConnectionOptions } from './redis-connection-options.js';
import { RedisConnection, type ScriptReply } from './redis-connection.js';
import { RedisInbox } from './redis-inbox.js';
import { slotOf } from './slot-of.js';
import { SCRIPTS } from './scripts.js';
import { TurnBatches } from './turn-batches.js';

/** Leases renewed by one command: about 0.5 ms of the server's time. */
const RENEW_BATCH = 500;
/** Keys looked at by one command of a listing. */
const SCAN_PAGE = 500;

/**
 * Locks in Redis, Valkey or KeyDB. A lock is the string `<prefix>:<name>`; its fence and marks are the hash
 * `{<prefix>:<name>}:state`, in the same cluster slot.
 */
export class RedisLockStore implements LockStore {
  readonly description: string;
  readonly #connection: RedisConnection;
  readonly #prefix: string;
  readonly #inbox: RedisInbox;
  readonly #turn = new TurnBatches(() => this.#connection.isBusy);
  readonly #releaseInTurn = this.#turn.kind<ReleaseRequest, OwnerReply>({
    askOne: (request, within) => this.#releaseOne(request, within),
    askMany: (requests, within) => this.#releaseMany(requests, within),
  });
  readonly #acquireInTurn = this.#turn.kind<AcquireRequest, AcquireReply>({
    askOne: (request, within) => this.#acquireOne(request, within),
    askMany: (requests, within) => this.#acquireMany(requests, within),
  });

  static async open(options: {
    connection: RedisConnectionOptions;
    prefix: string;
    outages: OutageLog;
  }): Promise<RedisLockStore> {
    return new RedisLockStore(
      await RedisConnection.open(options.connection, options.outages),
      options.prefix,
    );
  }

  private constructor(connection: RedisConnection, prefix: string) {
    this.#connection = connection;
    this.#prefix = connection.keyPrefix + prefix;
    this.#inbox = new RedisInbox({
      prefix: this.#prefix,
      openClient: () => connection.openSubscriber(),
      isCluster: connection.isCluster,
    });
    this.description = connection.label;
  }

  acquire(request: AcquireRequest, within: number): Promise<AcquireReply> {
    // What claims a run or stands in line is nothing that comes in great numbers.
    const isPlain = !request.claim && request.waited === undefined && !this.#connection.isCluster;
    return isPlain ? this.#acquireInTurn(request, within) : this.#acquireOne(request, within);
  }

  async renew(requests: readonly RenewRequest[], within: number): Promise<(OwnerReply | undefined)[]> {
    // The leases of a cluster are in different slots, and one command must stay within one slot.
    const size = this.#connection.isCluster ? 1 : RENEW_BATCH;
    const batches = Array.from({ length: Math.ceil(requests.length / size) }, (_, i) =>
      requests.slice(i * size, (i + 1) * size),
    );
    const replies = await Promise.allSettled(batches.map((batch) => this.#renewBatch(batch, within)));
    return answered(replies).flatMap((reply, i) => reply ?? batches[i]?.map(() => undefined) ?? []);
  }

  release(request: ReleaseRequest, within: number): Promise<OwnerReply> {
    const isPlain = !request.completed && !this.#connection.isCluster;
    return isPlain ? this.#releaseInTurn(request, within) : this.#releaseOne(request, within);
  }

  async undo(request: UndoRequest, within: number): Promise<OwnerReply> {
    const { name, record, claim } = request;
    const claimed = claim ? claimArguments(claim) : [];
    const args = [record, UNDO_RETENTION, this.#inbox.ticket(request), ...claimed];
    return this.#free(SCRIPTS.undo, this.#keys(name), args, within);
  }

  leave(request: RenewRequest, within: number): Promise<OwnerReply> {
    const { name, record } = request;
    return this.#free(SCRIPTS.leave, this.#keys(name), [record, this.#inbox.ticket(request)], within);
  }

  force({ name, fence }: ForceRequest, within: number): Promise<OwnerReply> {
    return this.#free(SCRIPTS.force, this.#keys(name), [fence], within);
  }

  async inspect(name: string, within: number): Promise<StoredLock | null> {
    const { value } = await this.#run(SCRIPTS.inspect, this.#keys(name), [], within);
    const [record, remaining, fence, waiters] = value as [string?, number?, (string | null)?, number?];
    return record === undefined ? null : stored(record, remaining, fence, waiters);
  }

  async *list(prefix: string, within: number): AsyncGenerator<StoredLock & { name: string }> {
    const ours = `${this.#prefix}:`;
    const pattern = `${(ours + prefix).replace(/[\\*?[\]]/g, '\\$&')}*`;
    for (const server of this.#connection.servers) {
      let cursor = '0';
      do {
        const { value } = await this.#connection.run(
          SCRIPTS.list,
          [],
          [cursor, pattern, SCAN_PAGE],
          within,
          server,
        );
        const [next, ...locks] = value as [string, ...[string, string, number, string | null, number][]];
        for (const [key, record, remaining, fence, waiters] of locks)
          yield { name: key.slice(ours.length), ...stored(record, remaining, fence, waiters) };
        cursor = next;
      } while (cursor !== '0');
    }
  }

  watch(name: string, onTurn: () => void): () => void {
    return this.#inbox.watch(name, onTurn);
  }

  async close(): Promise<void> {
    await Promise.all([this.#inbox.close(), this.#connection.close()]);
  }

  async #acquireOne(request: AcquireRequest, within: number): Promise<AcquireReply> {
    const { name, record, ttl, claim, waited } = request;
    const inLine = waited === undefined ? undefined : this.#inbox.hears(name);
    const ticket = inLine ? this.#inbox.ticket(request) : undefined;
    const args: (string | number)[] = [record, ttl, retentionFor(claim)];
    if (ticket || claim) args.push(ticket ?? '', Math.round(waited ?? 0), PLACE_RETENTION);
    if (claim) args.push(...claimArguments(claim), ...tickArguments(claim));
    const { value, retried } = await this.#run(SCRIPTS.acquire, this.#keys(name), args, within);
    const repeated = retried && { repeated: true };
    if (!Array.isArray(value)) return { status: 'granted', fence: Number(value), ...repeated };
    const [status, decidedAt, detail, remaining] = value as [
      status: AcquireReply['status'],
      now: number | null,
      detail: string | number,
      remaining: number,
    ];
    const now = decidedAt ?? undefined;
    switch (status) {
      case 'granted':
        return { status, now, fence: Number(detail), ...repeated };
      case 'early':
        return { status, now, by: Number(detail), ...repeated };
      case 'behind':
      case 'done':
        return { status, now, ...repeated };
      case 'busy':
        if (inLine === false) this.#inbox.listen(name);
        return { status, now, record: String(detail), remaining: expiry(remaining), inLine, ...repeated };
    }
  }

  async #acquireMany(
    requests: readonly AcquireRequest[],
    within: number,
  ): Promise<(AcquireReply | Promise<AcquireReply>)[]> {
    const deadline = performance.now() + within;
    const keys: string[] = [];
    const args: (string | number)[] = [retentionFor(undefined)];
    for (const { name, record, ttl } of requests) {
      keys.push(...this.#keys(name));
      args.push(record, ttl);
    }
    const { value, retried } = await this.#connection.run(SCRIPTS.acquireMany, keys, args, within);
    const repeated = retried && { repeated: true };
    return (value as (number | string | [string, number] | null)[]).map((reply, i) => {
      if (reply === null) return this.#acquireOne(requests[i], deadline - performance.now());
      if (!Array.isArray(reply)) return { status: 'granted', fence: Number(reply), ...repeated };
      const [record, remaining] = reply;
      return { status: 'busy', record, remaining: expiry(remaining), ...repeated };
    });
  }

  #releaseOne({ name, record, completed }: ReleaseRequest, within: number): Promise<OwnerReply> {
    const [lock, state, queue] = this.#keys(name);
    const run = completed ? [retentionFor(completed), ...claimArguments(completed)] : [];
    return this.#free(SCRIPTS.release, [lock, state, queue], [record, ...run], within);
  }

  async #releaseMany(requests: readonly OwnerRequest[], within: number): Promise<OwnerReply[]> {
    const keys: string[] = [];
    const records: string[] = [];
    for (const { name, record } of requests) {
      const [lock, state, queue] = this.#keys(name);
      keys.push(lock, state, queue);
      records.push(record);
    }
    const { value, retried } = await this.#connection.run(SCRIPTS.releaseMany, keys, records, within);
    return retried ? requests.map(() => 'held') : (value as OwnerReply[]);
  }

  /** Everything that is not put together with others of its kind, after what is: it came before. */
  #run(...call: Parameters<RedisConnection['run']>): Promise<ScriptReply> {
    this.#turn.send();
    return this.#connection.run(...call);
  }

  async #free(...call: Parameters<RedisConnection['run']>): Promise<OwnerReply> {
    const { value, retried } = await this.#run(...call);
    // The first attempt, whose reply was lost, may be what freed it; then it may have the next holder already.
    return retried ? 'held' : (value as OwnerReply);
  }

  async #renewBatch(requests: readonly RenewRequest[], within: number): Promise<OwnerReply[]> {
    const keys: string[] = [];
    let lines = '';
    for (const { name, record, ttl } of requests) {
      keys.push(`${this.#prefix}:${name}`);
      lines += `${ttl} ${record}\n`;
    }
    const { value } = await this.#connection.run(
      SCRIPTS.renew,
      keys,
      [retentionFor(undefined), lines],
      within,
    );
    const replies = requests.map((): OwnerReply => 'held');
    const lost = value as (number | OwnerReply)[];
    for (let i = 0; i < lost.length; i += 2) replies[Number(lost[i]) - 1] = lost[i + 1] as OwnerReply;
    return replies;
  }

  #keys(name: string): [lock: string, state: string, queue: string, undone: string] {
    const lock = `${this.#prefix}:${name}`;
    const slot = slotOf(lock);
    return [lock, `${slot}:state`, `${slot}:queue`, `${slot}:undone`];
  }
}

/** Kind and series, and the number that goes with the kind. */
function claimArguments(claim: Claim): (string | number)[] {
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
function tickArguments(claim: Claim): (string | number)[] {
  if (claim.kind !== 'tick') return [];
  const late = claim.askedAt === undefined ? [] : [claim.askedAt, BEHIND_TOLERANCE];
  return [EARLY_TOLERANCE, claim.rerun ? '1' : '0', ...late];
}

function stored(record: string, remaining = -1, fence?: string | null, waiters = 0): StoredLock {
  return { record, remaining: expiry(remaining), fence: fence ? Number(fence) : undefined, waiters };
}

/** PTTL says -1 of a key without expiry, which another program may have set. */
function expiry(pttl: number): number {
  return pttl < 0 ? Infinity : pttl;
}
