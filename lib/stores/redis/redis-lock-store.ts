import { performance } from 'node:perf_hooks';
import {
  PLACE_RETENTION,
  UNDO_RETENTION,
  retentionFor,
  type AcquireReply,
  type AcquireRequest,
  type ForceRequest,
  type LockStore,
  type OwnerReply,
  type ReleaseRequest,
  type RenewRequest,
  type StoredLock,
  type Turn,
  type UndoRequest,
} from '../lock-store.js';
import { LockStoreError } from '../../common/errors.js';
import { answered } from '../answered.js';
import { beginningOf } from '../owner-token.js';
import { marksCompletion } from '../run-marks.js';
import { CommandBatcher } from './command-batcher.js';
import { LockKeys } from './lock-keys.js';
import type { RedisConnectionOptions } from './redis-connection-options.js';
import { RedisConnection, type ConnectionContext, type ScriptReply } from './redis-connection.js';
import { RedisInbox } from './redis-inbox.js';
import { isCrossSlot, isOfWholeServer } from './redis-errors.js';
import { acquireReply, claimArguments, expiry, holderIn, inTwo, stored } from './script-format.js';
import { SCRIPTS } from './scripts.js';

/** Leases renewed by one command: about 0.5 ms of the server's time. */
const RENEW_BATCH = 500;
/** Keys looked at by one command of a listing. */
const SCAN_PAGE = 500;

/** Locks in Redis, Valkey or KeyDB, under the keys of lock-keys.ts. */
export class RedisLockStore implements LockStore {
  readonly description: string;
  readonly #connection: RedisConnection;
  readonly #keys: LockKeys;
  readonly #inbox: RedisInbox;
  /** Whether a command must keep to one slot: in a cluster, and once a server has answered CROSSSLOT. */
  #oneSlotOnly: boolean;
  readonly #batcher = new CommandBatcher(() => this.#connection.isBusy);
  readonly #acquireBatched = this.#batcher.batched<AcquireRequest, AcquireReply>(
    (request, within) => this.#acquireOne(request, within),
    (requests, within) => this.#acquireMany(requests, within),
  );
  readonly #releaseBatched = this.#batcher.batched<ReleaseRequest, OwnerReply>(
    (request, within) => this.#releaseOne(request, within),
    (requests, within) => this.#releaseMany(requests, within),
  );

  static async open({
    connection,
    prefix,
    ...context
  }: { connection: RedisConnectionOptions; prefix: string } & ConnectionContext): Promise<RedisLockStore> {
    return new RedisLockStore(await RedisConnection.open(connection, context), prefix);
  }

  private constructor(connection: RedisConnection, prefix: string) {
    this.#connection = connection;
    this.#keys = new LockKeys(connection.keyPrefix + prefix);
    this.#oneSlotOnly = connection.isCluster;
    this.#inbox = new RedisInbox({
      keys: this.#keys,
      openClient: () => connection.openSubscriber(),
      isCluster: connection.isCluster,
      warn: (message) => connection.logger.warn(message),
    });
    connection.whenSwitched(() => this.#inbox.leaveServer());
    this.description = connection.label;
  }

  acquire(request: AcquireRequest, within: number): Promise<AcquireReply> {
    const isPlain = !request.claim && request.waited === undefined;
    return this.#canBatch(isPlain)
      ? this.#acquireBatched(request, within)
      : this.#acquireOne(request, within);
  }

  renew(requests: readonly RenewRequest[], within: number): Promise<(OwnerReply | undefined)[]> {
    return this.#renewInBatches(this.#oneSlotOnly ? 1 : RENEW_BATCH, requests, within);
  }

  release(request: ReleaseRequest, within: number): Promise<OwnerReply> {
    return this.#canBatch(!marksCompletion(request.completed))
      ? this.#releaseBatched(request, within)
      : this.#releaseOne(request, within);
  }

  async undo(request: UndoRequest, within: number): Promise<OwnerReply> {
    const { name, record, claim } = request;
    const keys: string[] = this.#keys.toAcquire(name);
    const args = [beginningOf(record), UNDO_RETENTION, this.#inbox.ticket(request)];
    if (claim && claim.kind !== 'key') {
      keys.push(this.#keys.mark(name, claim));
      args.push(claim.kind, retentionFor(claim));
    }
    return this.#free(SCRIPTS.undo, keys, args, within);
  }

  leave(request: RenewRequest, within: number): Promise<OwnerReply> {
    const args = [beginningOf(request.record), this.#inbox.ticket(request)];
    return this.#free(SCRIPTS.leave, this.#keys.toFree(request.name), args, within);
  }

  async force({ name, fencingToken }: ForceRequest, within: number): Promise<OwnerReply> {
    const { value } = await this.#run(SCRIPTS.force, this.#keys.toFree(name), [fencingToken], within);
    return value as OwnerReply;
  }

  async inspect(name: string, within: number): Promise<StoredLock | null> {
    const { value } = await this.#run(SCRIPTS.inspect, this.#keys.toRead(name), [], within);
    const [text, remaining, waiters] = value as [string?, number?, number?];
    return text === undefined ? null : stored(text, remaining, waiters);
  }

  async *list(prefix: string, within: number): AsyncGenerator<StoredLock & { name: string }> {
    const pattern = `${this.#keys.beginning(prefix).replace(/[\\*?[\]]/g, '\\$&')}*`;
    for (const server of this.#connection.servers) {
      let cursor = '0';
      do {
        const { value } = await this.#connection.run(SCRIPTS.list, [], [cursor, pattern, SCAN_PAGE], within, {
          server,
        });
        const [next, ...locks] = value as [string, ...[string, string, number, number][]];
        for (const [key, text, remaining, waiters] of locks) {
          const name = this.#keys.nameOf(key);
          if (name.startsWith(prefix)) yield { name, ...stored(text, remaining, waiters) };
        }
        cursor = next;
      } while (cursor !== '0');
    }
  }

  watch(name: string, onTurn: (turn?: Turn) => void): () => void {
    return this.#inbox.watch(name, onTurn);
  }

  whenReconnected(listener: () => void): void {
    this.#connection.whenReconnected(listener);
  }

  async close(): Promise<void> {
    await Promise.all([this.#inbox.close(), this.#connection.close()]);
  }

  /** Claims and waiters are too few to gain from it. */
  #canBatch(isPlain: boolean): boolean {
    return isPlain && !this.#oneSlotOnly;
  }

  #acquireOne(request: AcquireRequest, within: number, mayHaveRun = false): Promise<AcquireReply> {
    const { name, record, ttl, claim, waited } = request;
    const inLine = waited === undefined ? undefined : this.#inbox.hears(name);
    const ticket = inLine ? this.#inbox.ticket(request) : undefined;
    const keys: string[] = this.#keys.toAcquire(name);
    const args: (string | number)[] = [...inTwo(record), ttl];
    if (ticket || claim) args.push(ticket ?? '', Math.round(waited ?? 0), PLACE_RETENTION);
    if (claim) {
      keys.push(this.#keys.mark(name, claim));
      args.push(...claimArguments(claim));
    }
    const call = this.#run(SCRIPTS.acquire, keys, args, within, { mayHaveRun });
    const placeIn = (place: unknown[]) => inLine !== undefined && this.#inbox.placeIn(name, inLine, place);
    return call.then((reply) => acquireReply(reply, placeIn));
  }

  async #acquireMany(
    requests: readonly AcquireRequest[],
    within: number,
  ): Promise<(AcquireReply | Promise<AcquireReply>)[]> {
    const deadline = performance.now() + within;
    const keys: string[] = [];
    const args: (string | number)[] = [];
    for (const { name, record, ttl } of requests) {
      keys.push(...this.#keys.toAcquire(name));
      args.push(...inTwo(record), ttl);
    }
    const { value, retried } = await this.#runMany(SCRIPTS.acquireMany, keys, args, within);
    const repeated = retried && { repeated: true };
    return requests.map((request, i) => {
      const reply = value?.[i] as number | [record: string, remaining: number] | null | undefined;
      if (!reply) return this.#acquireOne(request, deadline - performance.now(), retried);
      if (typeof reply === 'number') return { status: 'granted', fencingToken: reply, ...repeated };
      const [text, remaining] = reply;
      return { status: 'busy', record: holderIn(text).record, remaining: expiry(remaining), ...repeated };
    });
  }

  #releaseOne(request: ReleaseRequest, within: number, mayHaveRun = false): Promise<OwnerReply> {
    const { name, record, completed } = request;
    const keys: string[] = this.#keys.toFree(name);
    const args: (string | number)[] = [beginningOf(record)];
    if (marksCompletion(completed)) {
      const { kind, application = '' } = completed;
      keys.push(this.#keys.mark(name, completed));
      args.push(kind, kind === 'tick' ? completed.time : 0, retentionFor(completed), application);
    }
    return this.#free(SCRIPTS.release, keys, args, within, { mayHaveRun });
  }

  async #releaseMany(
    requests: readonly ReleaseRequest[],
    within: number,
  ): Promise<(OwnerReply | Promise<OwnerReply>)[]> {
    const deadline = performance.now() + within;
    const keys: string[] = [];
    const args: string[] = [];
    for (const { name, record } of requests) {
      keys.push(...this.#keys.toFree(name));
      args.push(beginningOf(record));
    }
    const { value, retried } = await this.#runMany(SCRIPTS.releaseMany, keys, args, within);
    return requests.map((request, i) => {
      const reply = value?.[i] as OwnerReply | null | undefined;
      return reply ? freed(reply, retried) : this.#releaseOne(request, deadline - performance.now(), retried);
    });
  }

  /** Has an error instead of a value where the server refused the whole command: it may still accept its parts. */
  async #runMany(
    ...call: Parameters<RedisConnection['run']>
  ): Promise<{ value?: unknown[]; retried: boolean; error?: LockStoreError }> {
    try {
      const { value, retried } = await this.#connection.run(...call);
      return { value: value as unknown[], retried };
    } catch (error) {
      if (!(error instanceof LockStoreError) || !error.refused || isOfWholeServer(error.cause)) throw error;
      if (isCrossSlot(error)) this.#oneSlotOnly = true;
      return { retried: error.mayHaveRun, error };
    }
  }

  /** Must not overtake the acquisitions and releases that are being collected. Renewals and listings may. */
  #run(...call: Parameters<RedisConnection['run']>): Promise<ScriptReply> {
    this.#batcher.flush();
    return this.#connection.run(...call);
  }

  #free(...call: Parameters<RedisConnection['run']>): Promise<OwnerReply> {
    return this.#run(...call).then(({ value, retried }) => freed(value as OwnerReply, retried));
  }

  /** With one command for each `size` of them. */
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
    const keys: string[] = [];
    let lines = '';
    for (const { name, record, ttl } of requests) {
      keys.push(this.#keys.lock(name));
      lines += `${ttl} ${beginningOf(record)}\n`;
    }
    const { value, error } = await this.#runMany(SCRIPTS.renew, keys, [lines], within);
    if (error) {
      if (requests.length === 1) throw error;
      return this.#renewInBatches(1, requests, deadline - performance.now());
    }
    const replies = requests.map((): OwnerReply => 'held');
    for (const [number, reply] of value as [number, OwnerReply][]) replies[number - 1] = reply;
    return replies;
  }
}

/** The first attempt, whose reply was lost, may be what freed it; then it may have the next holder already. */
function freed(reply: OwnerReply, retried: boolean): OwnerReply {
  return retried ? 'held' : reply;
}
