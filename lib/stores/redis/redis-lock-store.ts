import type { OutageLog } from '../../common/outage-log.js';
import {
  EARLY_TOLERANCE,
  STATE_RETENTION,
  UNDO_RETENTION,
  type AcquireReply,
  type AcquireRequest,
  type LockStore,
  type OwnerReply,
  type OwnerRequest,
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
 * Locks in Redis, Valkey or KeyDB. A lock is the string `<prefix>:<name>`; its fence and ticks are the hash
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
    const { tick } = request;
    const { value } = await this.#connection.run(
      SCRIPTS.acquire,
      [...this.#keys(request.name), this.#undoneKey(request.name, request.record)],
      [
        request.record,
        request.ttl,
        STATE_RETENTION,
        ...(tick ? [tick.series, tick.time, EARLY_TOLERANCE] : []),
      ],
      within,
    );
    const [status, detail, remaining] = value as [AcquireReply['status'], string | number, number];
    switch (status) {
      case 'granted':
        return { status, fence: Number(detail) };
      case 'early':
        return { status, by: Number(detail) };
      case 'done':
        return { status };
      case 'busy':
        return { status, record: String(detail), remaining: expiry(remaining) };
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

  async release(request: OwnerRequest, within: number): Promise<OwnerReply> {
    const [lock] = this.#keys(request.name);
    return this.#free(SCRIPTS.release, [lock], [request.record], within);
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
    const { value } = await this.#connection.run(SCRIPTS.renew, keys, [STATE_RETENTION, ...args], within);
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

/** Makes keys that begin with it live in the slot of the lock: as its hash tag, unless the key prefix has one. */
function slotOf(lock: string): string {
  return lock.includes('{') ? lock : `{${lock}}`;
}

/** PTTL says -1 of a key without expiry, which another program may have set. */
function expiry(pttl: number): number {
  return pttl < 0 ? Infinity : pttl;
}
