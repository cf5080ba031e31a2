import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval, setTimeout } from 'node:timers';
import { Deadlines } from '../../common/deadlines.js';
import type { LockStoreError } from '../../common/errors.js';
import { answered } from '../answered.js';
import { pauseJob, readJob } from '../job-entry.js';
import {
  TOKEN_RETENTION,
  type AcquireReply,
  type AcquireRequest,
  type ForceRequest,
  type LockAdmin,
  type LockQueue,
  type LockRuns,
  type LockStore,
  type OwnerReply,
  type ReleaseRequest,
  type RenewRequest,
  type StoredLock,
} from '../lock-store.js';
import { UnsettledOwners } from '../unsettled-owners.js';
import { inTime, together } from './in-time.js';
import { waitersIn } from './ledger.js';
import type { LedgerFreed, LedgerTable, ListedLedger } from './ledger-table.js';
import { RETRY_DELAY, Rounds } from './rounds.js';
import { storeError, type Decide, type Decided } from './task.js';

/** Milliseconds between two questions of a waiter, where the table has no news for it. */
const ASK_EVERY = 100;
/** A replica is a row of its own that it holds. No key of a lock begins like this. */
const REPLICAS = '\u0001';
const REPLICA = 'replica';

/** Milliseconds that it may take to end a hold that was not renewed in time. */
const OVERDUE_TIMEOUT = 5000;

/** Locks in the rows of a table. All decisions are made here, by the rules of lock-entry.ts. */
export class LedgerLockStore implements LockStore {
  readonly description: string;
  readonly shortestTtl: number | undefined;
  readonly queue: LockQueue = { watch: (name, onNews) => this.#watch(name, onNews) };
  readonly admin: LockAdmin = {
    list: (prefix, within) => this.#list(prefix, within),
    force: (request, within) => this.#force(request, within),
  };
  readonly runs: LockRuns = {
    read: (jobs, within) =>
      Promise.all(
        jobs.map((job) => this.#ask(job.name, within, ({ entry, time }) => readJob(entry, job, time))),
      ),
    pause: (job, pause, within) =>
      this.#ask(job.name, within, (ledger) => ledger.decide(pauseJob(ledger.entry, job, pause, ledger.time))),
    publish: (replica, entry, ttl, within) => this.#publish(replica, entry, ttl, within),
    replicas: (within) => this.#replicas(within),
  };
  readonly onTakenAway: LockStore['onTakenAway'];
  readonly onReconnected: LockStore['onReconnected'];
  readonly #table: LedgerTable;
  readonly #prefix: string;
  /** Calls that wait for a reply keep the process alive. */
  readonly #deadlines = new Deadlines(performance, { keepAlive: true });
  readonly #rounds: Rounds;
  /** Asked at each attempt: a table whose process was taken for dead gives it another name. */
  readonly #processFor: LedgerTable['processFor'];
  readonly #unsettled = new UnsettledOwners();
  #isClosed = false;
  readonly #free: ((hold: LedgerFreed, within: number) => Promise<boolean>) | undefined;

  constructor(table: LedgerTable, prefix: string) {
    this.description = table.description;
    this.shortestTtl = table.shortestTtl;
    this.#table = table;
    this.#prefix = `${prefix}:`;
    this.#processFor = table.processFor?.bind(table);
    this.#rounds = new Rounds(table, this.#deadlines);
    this.#free =
      table.free && together((holds, within) => this.#call(within, (ms) => table.free!(holds, ms)));
    table.onOverdue?.((key, owner) => this.#endOverdue(key, owner));
    this.onReconnected = table.onReconnected?.bind(table);
    this.onTakenAway =
      table.onTakenAway &&
      ((listener) =>
        table.onTakenAway!((key, owner, how) => listener({ name: this.#nameOf(key), owner }, how)));
  }

  async acquire(request: AcquireRequest, within: number): Promise<AcquireReply> {
    const { name, owner } = request;
    const end = performance.now() + within;
    let process: string | undefined;
    const deciding = this.#decide(name, within, (ledger) => {
      process = this.#processFor?.();
      return ledger.acquire(request, this.#processFor);
    });
    const { reply, retried } = await deciding.catch((error: unknown) => {
      this.#unsettled.add(owner);
      throw error;
    });
    if (reply.status === 'granted') return reply;
    if (retried) this.#unsettled.add(owner);
    // It was queued under a name that this process has no longer, and would not be told of its grant.
    const left = end - performance.now();
    if (reply.status === 'busy' && reply.queued && process !== this.#processFor?.() && left > RETRY_DELAY)
      return this.acquire(request, left);
    return this.#unsettled.has(owner) ? { ...reply, unsettled: true } : reply;
  }

  async renew(requests: readonly RenewRequest[], within: number): Promise<(OwnerReply | undefined)[]> {
    const end = performance.now() + within;
    const renewed = await this.#renewAll(requests, within);
    const decide =
      (request: RenewRequest): Decide<OwnerReply> =>
      (ledger) =>
        ledger.renew(request, this.#processFor?.(request.ttl));
    const replies = requests.map(async (request, i): Promise<OwnerReply> => {
      if (renewed[i]) return 'held';
      return this.#ask(request.name, end - performance.now(), decide(request));
    });
    return answered(await Promise.allSettled(replies));
  }

  async release(request: ReleaseRequest, within: number): Promise<OwnerReply> {
    const { name, owner, claim } = request;
    const end = performance.now() + within;
    const isUnsettled = this.#unsettled.has(owner);
    const freed = claim || isUnsettled ? 'no' : await this.#freed(request, within);
    if (freed === 'yes') return 'held';
    const left = end - performance.now();
    const decide: Decide<OwnerReply> = (ledger) => ledger.release(request, isUnsettled);
    const { reply, retried } = await this.#decide(name, left, decide, freed === 'unknown');
    this.#unsettled.delete(owner);
    // An earlier attempt may have freed the lock. Then another owner may hold it already.
    return retried ? 'held' : reply;
  }

  inspect(name: string, within: number): Promise<StoredLock | null> {
    return this.#ask(name, within, (ledger) => ledger.inspect());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#rounds.close();
    await this.#table.close();
    this.#deadlines.rest();
  }

  /** Frees a lock about which nothing else is known, without reading it. */
  async #freed({ name, owner }: ReleaseRequest, within: number): Promise<'yes' | 'no' | 'unknown'> {
    if (!this.#free) return 'no';
    try {
      const hold = { key: this.#keyOf(name), owner, keepFor: TOKEN_RETENTION };
      return (await this.#free(hold, within)) ? 'yes' : 'no';
    } catch {
      return 'unknown';
    }
  }

  async #renewAll(requests: readonly RenewRequest[], within: number): Promise<readonly boolean[]> {
    const table = this.#table;
    if (!table.renew) return [];
    const holds = requests.map(({ name, owner, ttl }) => ({ key: this.#keyOf(name), owner, ttl }));
    const end = performance.now() + within;
    for (;;) {
      try {
        return await this.#call(end - performance.now(), (ms) => table.renew!(holds, ms));
      } catch (error) {
        const isFinal = this.#isClosed || (error as LockStoreError).refused;
        if (isFinal || end - performance.now() <= RETRY_DELAY) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY));
      }
    }
  }

  async #force(request: ForceRequest, within: number): Promise<OwnerReply> {
    const { reply, retried } = await this.#decide(request.name, within, (ledger) => ledger.force(request));
    return retried ? 'held' : reply;
  }

  #watch(name: string, onNews: Parameters<LockQueue['watch']>[1]): () => void {
    if (this.#table.watch) return this.#table.watch(this.#keyOf(name), onNews);
    const timer = setInterval(() => onNews(), ASK_EVERY).unref();
    return () => clearInterval(timer);
  }

  async *#list(begin: string, within: number): AsyncGenerator<StoredLock & { name: string }> {
    for await (const { key, row } of this.#listed(this.#keyOf(begin), within)) {
      const { held, fencingToken, ledger } = row;
      const { owner, holder, ttl } = held;
      const remaining = Math.ceil(ttl);
      yield { name: this.#nameOf(key), owner, holder, remaining, fencingToken, waiters: waitersIn(ledger) };
    }
  }

  async #publish(replica: string, holder: string, ttl: number, within: number): Promise<void> {
    const request = { name: replica, owner: REPLICA, holder, ttl };
    await this.#rounds.decide(this.#replicaKey(replica), within, (ledger) => {
      // One that holds it already would keep what it has said before.
      ledger.release({ ...request, end: 'unfinished' }, false);
      if (ttl > 0) ledger.acquire(request, this.#processFor);
    });
  }

  async #replicas(within: number): Promise<{ entries: readonly string[]; now: number }> {
    // No replica has that key. It is read for the clock.
    const key = this.#replicaKey('');
    const { reply: now } = await this.#rounds.decide(key, within, ({ time }) => time.wall);
    const entries: string[] = [];
    for await (const { row } of this.#listed(key, within)) entries.push(row.held.holder);
    return { entries, now };
  }

  async *#listed(begin: string, within: number): AsyncGenerator<ListedLedger> {
    const rows = this.#table.list(begin, within)[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await this.#call(within, () => rows.next());
      if (done) return;
      yield value;
    }
  }

  async #ask<R>(name: string, within: number, decide: Decide<R>): Promise<R> {
    return (await this.#decide(name, within, decide)).reply;
  }

  #decide<R>(name: string, within: number, decide: Decide<R>, mayHaveRun = false): Promise<Decided<R>> {
    return this.#rounds.decide(this.#keyOf(name), within, decide, mayHaveRun);
  }

  /** @throws LockStoreError */
  async #call<R>(within: number, call: (within: number) => Promise<R>): Promise<R> {
    try {
      return await inTime(this.#deadlines, within, call);
    } catch (error) {
      throw storeError(this.description, error, true);
    }
  }

  async #endOverdue(key: string, owner: string): Promise<void> {
    const end: ReleaseRequest = { name: '', owner, ttl: 0, end: 'unfinished' };
    await this.#rounds.decide(key, OVERDUE_TIMEOUT, (ledger) => ledger.release(end, false));
  }

  #keyOf(name: string): string {
    return this.#prefix + name;
  }

  #nameOf(key: string): string {
    return key.slice(this.#prefix.length);
  }

  #replicaKey(replica: string): string {
    return REPLICAS + this.#prefix + replica;
  }
}
