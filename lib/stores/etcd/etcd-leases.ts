import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { messages } from '../../common/messages.js';
import type { EtcdClient } from './etcd-client.js';

/** The shortest lease that etcd grants with its default settings, in milliseconds. */
export const SHORTEST_TTL = 2000;
/** Milliseconds by which a lease of etcd is longer than the holds on it, so that not each hold must renew it. */
const SLACK = 1000;
/** Milliseconds that a lease gets to be renewed for those who wait. */
const RENEWAL_TIMEOUT = 1000;

/** One lease of etcd. A key that is attached to it is gone when the lease is. */
interface EtcdLease {
  /** A number of 63 bits, as a text. */
  readonly id: string;
  readonly seconds: number;
  /** A moment from which its time certainly counts; undefined before it was granted. */
  confirmedAt?: number;
  confirming?: Promise<void> | undefined;
}

/**
 * The leases of etcd that this process has: one for each TTL. All holds and waits of the process with that TTL depend on
 * it, so one call renews them all, and all are gone with the process.
 */
export class EtcdLeases {
  readonly #client: EtcdClient;
  readonly #bySeconds = new Map<number, EtcdLease>();
  #isInDoubt = false;

  constructor(client: EtcdClient) {
    this.#client = client;
  }

  /** The lease for holds with this TTL. It may be granted by `confirm` only. */
  idFor(ttl: number): string {
    const seconds = Math.ceil((ttl + SLACK) / 1000);
    const known = this.#bySeconds.get(seconds);
    if (known && !isOver(known)) return known.id;
    const lease = { id: newId(), seconds };
    this.#bySeconds.set(seconds, lease);
    return lease.id;
  }

  /** Whether it is a lease of this process, and not known to be gone. */
  has(id: string | undefined): boolean {
    return this.#alive.some((lease) => lease.id === id);
  }

  /** Those that etcd has granted. */
  get granted(): readonly string[] {
    return this.#alive.flatMap(({ id, confirmedAt }) => (confirmedAt === undefined ? [] : [id]));
  }

  /**
   * Makes sure that a hold on one of these leases of ours lasts for its TTL from now on, and that all leases are granted.
   *
   * @throws Error if one of them is gone, which has a successor then
   */
  async confirm(ids: readonly (string | undefined)[], within: number): Promise<void> {
    const old = performance.now() - SLACK;
    const wanted = new Set(this.#isInDoubt ? this.#alive.map(({ id }) => id) : ids);
    this.#isInDoubt = false;
    const leases = this.#alive.filter(
      ({ id, confirmedAt }) => confirmedAt === undefined || (wanted.has(id) && confirmedAt < old),
    );
    await Promise.all(leases.map((lease) => this.#confirm(lease, within)));
  }

  /** Renews one of our leases if it was granted and has lost a third of its time. Never rejects. */
  async keepAlive(id: string): Promise<void> {
    const now = performance.now();
    const lease = this.#alive.find((one) => one.id === id);
    if (!lease || now - (lease.confirmedAt ?? now) < (lease.seconds * 1000) / 3) return;
    // The next acquisition of a waiter reports the same error.
    await this.#confirm(lease, RENEWAL_TIMEOUT).catch(() => {});
  }

  /** One of them is gone: the next call of `confirm` finds out which. */
  doubt(): void {
    const old = performance.now() - SLACK;
    this.#isInDoubt = true;
    for (const lease of this.#alive) lease.confirmedAt &&= Math.min(lease.confirmedAt, old - 1);
  }

  get #alive(): EtcdLease[] {
    return [...this.#bySeconds.values()].filter((lease) => !isOver(lease));
  }

  /** Many may want it at once. */
  #confirm(lease: EtcdLease, within: number): Promise<void> {
    lease.confirming ??= this.#ask(lease, within).finally(() => (lease.confirming = undefined));
    return lease.confirming;
  }

  async #ask(lease: EtcdLease, within: number): Promise<void> {
    const { id, seconds, confirmedAt } = lease;
    const askedAt = performance.now();
    const isNew = confirmedAt === undefined;
    const asked = isNew
      ? this.#client.call('lease/grant', { ID: id, TTL: seconds }, within)
      : this.#client.call<KeepAliveReply>('lease/keepalive', { ID: id }, within).then(checkAlive);
    try {
      await asked;
      lease.confirmedAt = askedAt;
    } catch (error) {
      // One that may have been granted expires by itself. A renewal that was not answered may be repeated.
      if (isNew || error instanceof LeaseGoneError) this.#bySeconds.delete(seconds);
      throw error;
    }
  }
}

/** Whether it must have expired, unless its server has stood still. */
function isOver({ seconds, confirmedAt }: EtcdLease): boolean {
  return confirmedAt !== undefined && performance.now() - confirmedAt >= seconds * 1000;
}

interface KeepAliveReply {
  /** Without a TTL if there is no such lease. */
  readonly result?: { readonly TTL?: string };
}

export class LeaseGoneError extends Error {}

function checkAlive({ result }: KeepAliveReply): void {
  if (!Number(result?.TTL)) throw new LeaseGoneError(messages.leaseGone());
}

/** etcd keeps the highest bit to itself, and 0 means that it is to choose. */
function newId(): string {
  return String(randomBytes(8).readBigInt64BE() & 0x7fff_ffff_ffff_ffffn);
}
