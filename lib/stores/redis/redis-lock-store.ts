import type { OutageLog } from '../../common/outage-log.js';
import {
  BEHIND_TOLERANCE,
  EARLY_TOLERANCE,
  UNDO_RETENTION,
  retentionFor,
  type AcquireReply,
  type AcquireRequest,
  type Claim,
  type LockStore,
  type OwnerReply,
  type OwnerRequest,
  type ReleaseRequest,
  type RenewRequest,
  type StoredLock,
} from '../lock-store.js';
import { answered } from '../answered.js';
import type { RedisConnectionOptions } from './redis-connection-options.js';
import { RedisConnection } from './redis-connection.js';
import { SCRIPTS } from './scripts.js';

/** Leases renewed by one command: about 0.5 ms of the server's time. */
const RENEW_BATCH = 500;

/**
 * Locks in Redis, Valkey or KeyDB. A lock is the string `<prefix>:<name>`; its fence and marks are the hash
 * `{<prefix>:<name>}:state`, in the same cluster slot.
 */
export class RedisLockStore implements LockStore {
  readonly description: string;
  readonly #connection: RedisConnection;
  readonly #prefix: string;

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
    this.description = connection.label;
  }

  async acquire(request: AcquireRequest, within: number): Promise<AcquireReply> {
    const { name, record, ttl, claim } = request;
    const { value } = await this.#connection.run(
      SCRIPTS.acquire,
      [...this.#keys(name), this.#undoneKey(name, record)],
      [record, ttl, retentionFor(claim), ...(claim ? claimArguments(claim) : [])],
      within,
    );
    const [status, now, detail, remaining] = value as [
      status: AcquireReply['status'],
      now: number,
      detail: string | number,
      remaining: number,
    ];
    switch (status) {
      case 'granted':
        return { status, now, fence: Number(detail) };
      case 'early':
        return { status, now, by: Number(detail) };
      case 'behind':
      case 'done':
        return { status, now };
      case 'busy':
        return { status, now, record: String(detail), remaining: expiry(remaining) };
    }
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

  async release({ name, record, completed }: ReleaseRequest, within: number): Promise<OwnerReply> {
    const run = completed ? [retentionFor(completed), ...completedArguments(completed)] : [];
    return this.#free(SCRIPTS.release, this.#keys(name), [record, ...run], within);
  }

  async undo({ name, record }: OwnerRequest, within: number): Promise<OwnerReply> {
    const [lock] = this.#keys(name);
    return this.#free(SCRIPTS.undo, [lock, this.#undoneKey(name, record)], [record, UNDO_RETENTION], within);
  }

  async inspect(name: string, within: number): Promise<StoredLock | null> {
    const { value } = await this.#connection.run(SCRIPTS.inspect, this.#keys(name), [], within);
    const [record, remaining, fence] = value as [string?, number?, (string | null)?];
    if (record === undefined) return null;
    return { record, remaining: expiry(remaining ?? 0), fence: fence ? Number(fence) : undefined };
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #free(...call: Parameters<RedisConnection['run']>): Promise<OwnerReply> {
    const { value, retried } = await this.#connection.run(...call);
    // The first attempt, whose reply was lost, may be what freed it.
    return retried && value === 'vanished' ? 'held' : (value as OwnerReply);
  }

  async #renewBatch(requests: readonly RenewRequest[], within: number): Promise<OwnerReply[]> {
    const keys = requests.flatMap(({ name }) => this.#keys(name));
    const args = requests.flatMap(({ record, ttl }) => [record, ttl]);
    const { value } = await this.#connection.run(
      SCRIPTS.renew,
      keys,
      [retentionFor(undefined), ...args],
      within,
    );
    return value as OwnerReply[];
  }

  #keys(name: string): [lock: string, state: string] {
    const lock = `${this.#prefix}:${name}`;
    return [lock, `${slotOf(lock)}:state`];
  }

  /** Exists once the acquisition of this record was undone. */
  #undoneKey(name: string, record: string): string {
    return `${slotOf(`${this.#prefix}:${name}`)}:undone:${record}`;
  }
}

function claimArguments(claim: Claim): (string | number)[] {
  const { kind, series } = claim;
  switch (claim.kind) {
    case 'tick':
      return [
        kind,
        series,
        claim.time,
        EARLY_TOLERANCE,
        claim.rerun ? '1' : '0',
        ...(claim.askedAt === undefined ? [] : [claim.askedAt, BEHIND_TOLERANCE]),
      ];
    case 'gap':
      return [kind, series, claim.gap];
    case 'key':
      return [kind, series];
  }
}

function completedArguments(claim: Claim): (string | number)[] {
  const { kind, series } = claim;
  switch (claim.kind) {
    case 'tick':
      return [kind, series, claim.time];
    case 'gap':
      return [kind, series];
    case 'key':
      return [kind, series, claim.remember];
  }
}

/** Makes keys that begin with it live in the slot of the lock: as its hash tag, unless the key prefix has one. */
function slotOf(lock: string): string {
  return lock.includes('{') ? lock : `{${lock}}`;
}

/** PTTL says -1 of a key without expiry, which another program may have set. */
function expiry(pttl: number): number {
  return pttl < 0 ? Infinity : pttl;
}
