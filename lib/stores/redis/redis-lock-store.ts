import { performance } from 'node:perf_hooks';
import type {
  AcquireReply,
  AcquireRequest,
  ForceRequest,
  LockAdmin,
  LockQueue,
  LockRuns,
  LockStore,
  OwnerReply,
  ReleaseRequest,
  RenewRequest,
  StoredLock,
} from '../lock-store.js';
import { answered } from '../answered.js';
import { BatchedScript } from './batched-script.js';
import { CommandBatcher } from './command-batcher.js';
import { LockKeys } from './lock-keys.js';
import type { RedisConnectionOptions } from './redis-connection-options.js';
import { RedisConnection, type ConnectionContext } from './redis-connection.js';
import { RedisInbox } from './redis-inbox.js';
import { isOfOneLock } from './redis-errors.js';
import { RedisRuns } from './redis-runs.js';
import {
  acquireReply,
  addAcquireArguments,
  addReleaseArguments,
  recordedClaim,
  stored,
} from './script-format.js';
import { SCRIPTS } from './scripts.js';
import { UnsettledOwners } from '../unsettled-owners.js';

/** The most leases that one command renews. It takes about 0.5 ms of the server's time. */
const RENEW_BATCH = 500;
/** The places of keys that one command of a listing scans. It takes about 0.5 ms of the server's time. */
const SCAN_PAGE = 2048;

/** Locks in Redis, Valkey or KeyDB. lock-keys.ts describes the keys. */
export class RedisLockStore implements LockStore {
  readonly description: string;
  readonly queue: LockQueue;
  readonly admin: LockAdmin;
  readonly runs: LockRuns;
  readonly #connection: RedisConnection;
  readonly #keys: LockKeys;
  readonly #inbox: RedisInbox;
  readonly #batcher: CommandBatcher;
  readonly #acquire: BatchedScript<AcquireRequest, AcquireReply>;
  readonly #release: BatchedScript<ReleaseRequest, OwnerReply>;
  readonly #unsettled = new UnsettledOwners();

  static async open({
    connection,
    prefix,
    ...context
  }: { connection: RedisConnectionOptions; prefix: string } & ConnectionContext): Promise<RedisLockStore> {
    return new RedisLockStore(await RedisConnection.open(connection, context), prefix);
  }

  private constructor(connection: RedisConnection, prefix: string) {
    this.description = connection.label;
    this.#connection = connection;
    this.#keys = new LockKeys(connection.keyPrefix + prefix);
    this.#inbox = new RedisInbox({
      keys: this.#keys,
      openClient: () => connection.openSubscriber(),
      isCluster: connection.isCluster,
      warn: (message) => connection.logger.warn(message),
    });
    connection.onSwitched(() => this.#inbox.leaveServer());
    this.queue = { watch: (name, onNews) => this.#inbox.watch(name, onNews) };
    this.admin = {
      list: (begin, within) => this.#list(begin, within),
      force: (request, within) => this.#force(request, within),
    };
    this.runs = new RedisRuns(connection, this.#keys, (...call) => this.#run(...call));
    this.#batcher = new CommandBatcher(() => connection.isBusy);
    this.#acquire = new BatchedScript(connection, this.#batcher, SCRIPTS.acquire, {
      write: (request, keys, args) => {
        this.#keys.addToAcquire(keys, request, request.claim);
        addAcquireArguments(args, request, this.#addressOf(request));
      },
      reply: (request, value, retried) => this.#acquired(request, value, retried),
      failed: ({ owner }, { mayHaveRun }) => mayHaveRun && this.#unsettled.add(owner),
    });
    this.#release = new BatchedScript(connection, this.#batcher, SCRIPTS.release, {
      write: (request, keys, args) => {
        const isUnsettled = this.#unsettled.has(request.owner);
        this.#keys.addToRelease(keys, request, isUnsettled, recordedClaim(request));
        addReleaseArguments(args, request, isUnsettled);
      },
      reply: (request, value, retried) => this.#released(request, value as OwnerReply, retried),
    });
  }

  acquire(request: AcquireRequest, within: number): Promise<AcquireReply> {
    return this.#acquire.ask(request, within);
  }

  renew(requests: readonly RenewRequest[], within: number): Promise<(OwnerReply | undefined)[]> {
    return this.#renewInBatches(this.#connection.oneSlotOnly ? 1 : RENEW_BATCH, requests, within);
  }

  release(request: ReleaseRequest, within: number): Promise<OwnerReply> {
    return this.#release.ask(request, within);
  }

  async inspect(name: string, within: number): Promise<StoredLock | null> {
    const value = await this.#run(SCRIPTS.inspect, this.#keys.toRead(name), [], within);
    const [text, remaining, waiters] = value as [string?, number?, number?];
    return text === undefined ? null : stored(text, remaining, waiters);
  }

  onReconnected(listener: () => void): void {
    this.#connection.onReconnected(listener);
  }

  async close(): Promise<void> {
    await Promise.all([this.#inbox.close(), this.#connection.close()]);
  }

  /** Where to report a grant to this waiter; undefined if it does not wait, or if messages would not arrive. */
  #addressOf({ name, waited }: AcquireRequest): string | undefined {
    return waited !== undefined && this.#inbox.hears(name) ? this.#inbox.address(name) : undefined;
  }

  #acquired({ name, owner, waited }: AcquireRequest, value: unknown, retried: boolean): AcquireReply {
    if (retried) this.#unsettled.add(owner);
    const reply = acquireReply(value, (lastToken, error) =>
      waited === undefined ? undefined : this.#inbox.queueing(name, lastToken, error),
    );
    const isUnsettled = reply.status !== 'granted' && this.#unsettled.has(owner);
    return isUnsettled ? { ...reply, unsettled: true } : reply;
  }

  #released({ owner }: ReleaseRequest, reply: OwnerReply, retried: boolean): OwnerReply {
    this.#unsettled.delete(owner);
    // An earlier attempt may have freed the lock. Then another owner may hold it already.
    return retried ? 'held' : reply;
  }

  async #force({ name, fencingToken }: ForceRequest, within: number): Promise<OwnerReply> {
    return (await this.#run(SCRIPTS.force, this.#keys.toFree(name), [fencingToken], within)) as OwnerReply;
  }

  async *#list(prefix: string, within: number): AsyncGenerator<StoredLock & { name: string }> {
    const pattern = `${this.#keys.beginning(prefix).replace(/[\\*?[\]]/g, '\\$&')}*`;
    for (const server of this.#connection.servers) {
      let cursor = '0';
      do {
        const args = [cursor, pattern, SCAN_PAGE];
        const { value } = await this.#connection.run(SCRIPTS.list, [], args, within, false, server);
        const [next, ...locks] = value as [string, ...[string, string, number, number][]];
        for (const [key, text, remaining, waiters] of locks) {
          const name = this.#keys.nameOf(key);
          if (name.startsWith(prefix)) yield { name, ...stored(text, remaining, waiters) };
        }
        cursor = next;
      } while (cursor !== '0');
    }
  }

  /** Sends the collected acquisitions and releases first, so that this command cannot overtake them. */
  async #run(...call: Parameters<RedisConnection['run']>): Promise<unknown> {
    this.#batcher.flush();
    return (await this.#connection.run(...call)).value;
  }

  /** Renews with one command for every `size` leases. */
  async #renewInBatches(
    size: number,
    requests: readonly RenewRequest[],
    within: number,
  ): Promise<(OwnerReply | undefined)[]> {
    const batches = Array.from({ length: Math.ceil(requests.length / size) }, (_, i) =>
      requests.slice(i * size, (i + 1) * size),
    );
    const replies = await Promise.allSettled(batches.map((batch) => this.#renewBatch(batch, within)));
    return answered(replies).flatMap((reply, i) => reply ?? batches[i].map(() => undefined));
  }

  async #renewBatch(requests: readonly RenewRequest[], within: number): Promise<(OwnerReply | undefined)[]> {
    const deadline = performance.now() + within;
    const keys = requests.map(({ name }) => this.#keys.lock(name));
    let lines = '';
    for (const { owner, ttl } of requests) lines += `${ttl} ${owner}\n`;
    try {
      const { value } = await this.#connection.run(SCRIPTS.renew, keys, [lines], within);
      const replies = requests.map((): OwnerReply => 'held');
      for (const [number, reply] of value as [number, OwnerReply][]) replies[number - 1] = reply;
      return replies;
    } catch (error) {
      if (requests.length === 1 || !isOfOneLock(error)) throw error;
      return this.#renewInBatches(1, requests, deadline - performance.now());
    }
  }
}
