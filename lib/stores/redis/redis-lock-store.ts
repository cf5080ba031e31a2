import type { OutageLog } from '../../common/outage-log.js';
import {
  EARLY_TOLERANCE,
  STATE_RETENTION,
  type AcquireReply,
  type AcquireRequest,
  type LockStore,
  type OwnerReply,
  type OwnerRequest,
  type RenewRequest,
  type StoredLock,
} from '../lock-store.js';
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
      this.#keys(request.name),
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

  async renew(requests: readonly RenewRequest[], within: number): Promise<OwnerReply[]> {
    // The leases of a cluster are in different slots, and one command must stay within one slot.
    const size = this.#connection.isCluster ? 1 : RENEW_BATCH;
    const batches = Array.from({ length: Math.ceil(requests.length / size) }, (_, i) =>
      this.#renewBatch(requests.slice(i * size, (i + 1) * size), within),
    );
    return (await Promise.all(batches)).flat();
  }

  async release(request: OwnerRequest, within: number): Promise<OwnerReply> {
    const [lock] = this.#keys(request.name);
    const { value, retried } = await this.#connection.run(SCRIPTS.release, [lock], [request.record], within);
    // The first attempt, whose reply was lost, may be what freed it.
    return retried && value === 'vanished' ? 'held' : (value as OwnerReply);
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

  async #renewBatch(requests: readonly RenewRequest[], within: number): Promise<OwnerReply[]> {
    const keys = requests.flatMap(({ name }) => this.#keys(name));
    const args = requests.flatMap(({ record, ttl }) => [record, ttl]);
    const { value } = await this.#connection.run(SCRIPTS.renew, keys, [STATE_RETENTION, ...args], within);
    return value as OwnerReply[];
  }

  #keys(name: string): [lock: string, state: string] {
    const lock = `${this.#prefix}:${name}`;
    return [lock, lock.includes('{') ? `${lock}:state` : `{${lock}}:state`];
  }
}

/** PTTL says -1 of a key without expiry, which another program may have set. */
function expiry(pttl: number): number {
  return pttl < 0 ? Infinity : pttl;
}
