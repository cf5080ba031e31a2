import { clearInterval, setInterval } from 'node:timers';
import { runOutside } from '../../common/outside.js';
import type { QueueGrant } from '../lock-store.js';
import type {
  LedgerChange,
  LedgerFreed,
  LedgerRenewal,
  LedgerTable,
  ListedLedger,
} from '../ledger/ledger-table.js';
import { ServerClock } from '../server-clock.js';
import { EtcdClient } from './etcd-client.js';
import { isUnknownLease } from './etcd-errors.js';
import {
  after,
  found,
  holdIn,
  holdKey,
  holdsRange,
  inChunks,
  isAt,
  isMade,
  keyOfHold,
  processKey,
  rowIn,
  rowKey,
  type EtcdReading,
  type EtcdRow,
  type KeyValue,
  type RangeReply,
  type TxnReply,
} from './etcd-format.js';
import { removeUnneeded } from './etcd-housekeeping.js';
import { EtcdLeases, LeaseGoneError, SHORTEST_TTL } from './etcd-leases.js';
import { EtcdNews } from './etcd-news.js';
import type { EtcdSettings } from './etcd-options.js';
import { changing, freeing, newsOf, rowOf } from './etcd-steps.js';
import { OwnHolds, type EndOverdue, type OwnHold } from './own-holds.js';

/** The most rows of one call. etcd takes 128 operations, of which each row needs two or three. */
const ROWS_PER_CALL = 40;
/** The most holds that one call checks or lists. */
const HOLDS_PER_CALL = 100;
/** Milliseconds by which the clocks of two members may differ. A row from further ahead proves a clock that was set back. */
const CLOCK_TOLERANCE = 30_000;
/** Milliseconds after which a process that waits may be taken for dead. Short: a dead waiter holds up the others. */
const WAITER_TTL = SHORTEST_TTL;
/** Milliseconds between two looks at the lease of a process that waits. */
const KEEP_ALIVE_EVERY = 500;
/** Milliseconds that it may take to find out what a waiter was given. */
const LOOK_TIMEOUT = 2000;

/** What this process knows of a hold of its own. */
interface EtcdHold extends OwnHold {
  /** Of the hold, until others write it. */
  readonly revision: string;
  /** The row, if it has nothing to remember but the last token. */
  readonly plain?: { readonly revision: string; readonly row: EtcdRow } | undefined;
}

/**
 * Locks in etcd, written by compare-and-set on the revisions of their keys, which etcd-format.ts describes. Holds are
 * attached to leases of etcd, so that it ends those of a process that has died.
 */
export class EtcdTable implements LedgerTable {
  readonly description: string;
  readonly shortestTtl = SHORTEST_TTL;
  readonly #client: EtcdClient;
  readonly #clock: ServerClock;
  readonly #leases: EtcdLeases;
  readonly #news: EtcdNews;
  readonly #holds = new OwnHolds<EtcdHold>();
  /** The leases whose processes are known in etcd. */
  readonly #announced = new Set<string>();
  readonly #endHousekeeping: () => void;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(settings: EtcdSettings, clock = new ServerClock()) {
    this.#client = new EtcdClient(settings, clock);
    this.#clock = clock;
    this.description = this.#client.label;
    this.#leases = new EtcdLeases(this.#client);
    this.#news = new EtcdNews(this.#client, {
      isOurs: (lease) => this.#leases.has(lease),
      onGiven: (leases, keys) => void this.#lookAtGiven(leases, keys),
    });
    this.#endHousekeeping = removeUnneeded(this.#client, () => clock.now());
  }

  async read(keys: readonly string[], within: number): Promise<readonly EtcdReading[]> {
    return inChunks(keys, ROWS_PER_CALL, async (some) => {
      const success = some.flatMap((key) => [
        { request_range: { key: rowKey(key) } },
        { request_range: { key: holdKey(key) } },
      ]);
      const { responses = [] } = await this.#client.call<TxnReply>('kv/txn', { success }, within);
      return some.map((_, i) => this.#reading(found(responses[2 * i]), found(responses[2 * i + 1])));
    });
  }

  async write(changes: readonly LedgerChange[], within: number): Promise<readonly boolean[]> {
    const holders = changes.map(({ held }) => (typeof held === 'object' ? held.process : undefined));
    await this.#leases.confirm(holders, within);
    return inChunks(changes, ROWS_PER_CALL, (some) => this.#writeSome(some, within));
  }

  async *list(prefix: string, within: number): AsyncGenerator<ListedLedger> {
    const range = holdsRange(prefix);
    for (let kvs: readonly KeyValue[] = []; ;) {
      const last = kvs.at(-1);
      const page = {
        ...range,
        ...(last && { key: after(last.key) }),
        keys_only: true,
        limit: HOLDS_PER_CALL,
      };
      ({ kvs = [] } = await this.#client.call<RangeReply>('kv/range', page, within));
      const keys = kvs.map(({ key }) => keyOfHold(key));
      for (const [i, { row }] of (await this.read(keys, within)).entries())
        if (row?.held) yield { key: keys[i], row: { ...row, held: row.held } };
      if (kvs.length < HOLDS_PER_CALL) return;
    }
  }

  async renew(renewals: readonly LedgerRenewal[], within: number): Promise<readonly boolean[]> {
    const holds = renewals.map((renewal) => this.#renewable(renewal));
    await this.#leases
      .confirm(
        holds.map((hold) => hold?.process),
        within,
      )
      .catch((error: unknown) => {
        // The holds on it are not renewed; the others are.
        if (!(error instanceof LeaseGoneError)) throw error;
      });
    return inChunks(renewals, HOLDS_PER_CALL, (some) => this.#renewSome(some, within));
  }

  async free(freed: readonly LedgerFreed[], within: number): Promise<readonly boolean[]> {
    return inChunks(freed, ROWS_PER_CALL, async (some) => {
      const steps = some.flatMap((one) => this.#freeing(one) ?? []);
      if (steps.length === 0) return some.map(() => false);
      const success = steps.map(({ step }) => step);
      const { responses = [] } = await this.#client.call<TxnReply>('kv/txn', { success }, within);
      const gone = new Set(steps.flatMap(({ key }, i) => (isMade(responses[i]) ? [key] : [])));
      for (const key of gone) this.#holds.delete(key);
      return some.map(({ key }) => gone.has(key));
    });
  }

  watch(key: string, onNews: (grant?: QueueGrant) => void): () => void {
    // A place in the queue is lost with the lease of the process that it was taken with.
    this.#keepAlive ??= runOutside(() => setInterval(() => this.#keepPlaces(), KEEP_ALIVE_EVERY).unref());
    return this.#news.watch(key, onNews);
  }

  processFor(ttl = WAITER_TTL): string {
    return this.#leases.idFor(ttl);
  }

  async gone(processes: readonly string[], within: number): Promise<ReadonlySet<string>> {
    const there = await inChunks(processes, HOLDS_PER_CALL, async (some) => {
      const success = some.map((lease) => ({ request_range: { key: processKey(lease), keys_only: true } }));
      const { responses = [] } = await this.#client.call<TxnReply>('kv/txn', { success }, within);
      return some.map((_, i) => found(responses[i]));
    });
    return new Set(processes.filter((_, i) => !there[i]));
  }

  onOverdue(end: EndOverdue): void {
    this.#holds.onOverdue(end);
  }

  onReconnected(listener: () => void): void {
    this.#client.onReconnected(listener);
  }

  async close(): Promise<void> {
    this.#endHousekeeping();
    clearInterval(this.#keepAlive);
    this.#holds.close();
    this.#news.close();
    this.#client.close();
  }

  #reading(row: KeyValue | undefined, hold: KeyValue | undefined): EtcdReading {
    const written = row && rowIn(row);
    const now = this.#clock.now();
    const { at, fencingToken = 0, ledger = '' } = written ?? { at: now };
    return {
      // Decisions about a lock have one order, and must not have another by their times.
      now: at - now > CLOCK_TOLERANCE ? now : Math.max(at, now),
      row: row || hold ? { held: hold && holdIn(hold), fencingToken, ledger } : undefined,
      rowRevision: row?.mod_revision ?? '0',
      holdRevision: hold?.mod_revision ?? '0',
    };
  }

  async #writeSome(changes: readonly LedgerChange[], within: number): Promise<readonly boolean[]> {
    const unannounced = this.#leases.granted.filter((lease) => !this.#announced.has(lease));
    const news = newsOf(changes, unannounced);
    const success = [...news, ...changes.map(changing)];
    try {
      const { header, responses = [] } = await this.#client.call<TxnReply>('kv/txn', { success }, within);
      for (const lease of unannounced) this.#announced.add(lease);
      const areWritten = responses.slice(news.length).map(isMade);
      for (const [i, change] of changes.entries()) if (areWritten[i]) this.#note(change, header.revision);
      return areWritten;
    } catch (error) {
      // It may be one of ours, or that of a waiter that is gone, which is asked for before the next attempt.
      if (isUnknownLease(error)) this.#leases.doubt();
      throw error;
    }
  }

  /** Notes what is known of a hold of ours after a write with this revision. */
  #note({ key, held, ...change }: LedgerChange, revision: string): void {
    const plain = change.ledger === '' ? { revision, row: rowOf(change) } : undefined;
    const known = this.#holds.get(key);
    if (held === 'kept') {
      if (known) this.#holds.update(key, { ...known, plain });
    } else if (held !== 'freed' && this.#leases.has(held.process)) {
      this.#holds.set(key, { owner: held.owner, ttl: held.ttl, process: held.process!, revision, plain });
    } else this.#holds.delete(key);
  }

  /** The hold, if nothing has to be written to renew it. */
  #renewable({ key, owner, ttl }: LedgerRenewal): EtcdHold | undefined {
    const hold = this.#holds.get(key);
    return hold?.owner === owner && hold.ttl === ttl && this.#leases.has(hold.process) ? hold : undefined;
  }

  /** Renews the holds that are still as we know them. Their leases have been renewed. */
  async #renewSome(renewals: readonly LedgerRenewal[], within: number): Promise<readonly boolean[]> {
    const known = renewals.flatMap((renewal) => {
      const hold = this.#renewable(renewal);
      return hold ? [{ renewal, hold }] : [];
    });
    if (known.length === 0) return renewals.map(() => false);
    const { succeeded, responses = [] } = await this.#client.call<TxnReply>(
      'kv/txn',
      {
        compare: known.map(({ renewal, hold }) => isAt(holdKey(renewal.key), hold.revision)),
        failure: known.map(({ renewal }) => ({
          request_range: { key: holdKey(renewal.key), keys_only: true },
        })),
      },
      within,
    );
    const renewed = known.filter(
      ({ hold }, i) => succeeded || found(responses[i])?.mod_revision === hold.revision,
    );
    for (const { renewal, hold } of renewed) this.#holds.set(renewal.key, hold);
    const all = new Set(renewed.map(({ renewal }) => renewal));
    return renewals.map((renewal) => all.has(renewal));
  }

  /** Ends a hold of which everything is known. */
  #freeing({
    key,
    owner,
    keepFor,
  }: LedgerFreed): { readonly key: string; readonly step: object } | undefined {
    const hold = this.#holds.get(key);
    if (hold?.owner !== owner || !hold.plain) return undefined;
    const { revision: rowRevision, row } = hold.plain;
    const at = Math.max(this.#clock.now(), row.at);
    const written = { ...row, at, keepUntil: at + keepFor };
    return { key, step: freeing(key, { row: written, rowRevision, holdRevision: hold.revision }) };
  }

  #keepPlaces(): void {
    if (this.#news.isNeeded) return void this.#leases.keepAlive(this.processFor());
    clearInterval(this.#keepAlive);
    this.#keepAlive = undefined;
  }

  /** Notifies those who wait for locks that this process was given, as it was told. Never rejects. */
  async #lookAtGiven(leases: readonly string[], keys: readonly string[]): Promise<void> {
    try {
      // From now on, a hold lasts for its TTL.
      await this.#leases.confirm(leases, LOOK_TIMEOUT);
      const readings = await this.read(keys, LOOK_TIMEOUT);
      for (const [i, reading] of readings.entries()) this.#tell(keys[i], reading);
    } catch {
      for (const key of keys) this.#news.tell(key);
    }
  }

  #tell(key: string, { row, holdRevision: revision }: EtcdReading): void {
    const { held, fencingToken = 0 } = row ?? {};
    if (!held || !this.#leases.has(held.process)) return this.#news.tell(key);
    const { owner, ttl, process } = held;
    const known = this.#holds.get(key);
    // It has been asked for meanwhile.
    if (known && BigInt(known.revision) >= BigInt(revision)) return;
    this.#holds.set(key, { owner, ttl, process: process!, revision });
    this.#news.tell(key, { owner, fencingToken, keptFor: Math.min(ttl, WAITER_TTL) });
  }
}
