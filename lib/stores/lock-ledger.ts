import {
  acquireEntry,
  forceEntry,
  inspectEntry,
  newEntry,
  releaseEntry,
  renewEntry,
  type Decision,
  type LockEntry,
} from './lock-entry.js';
import {
  VOID_RETENTION,
  type AcquireReply,
  type AcquireRequest,
  type ForceRequest,
  type OwnerReply,
  type ReleaseRequest,
  type RenewRequest,
  type StoredLock,
} from './lock-store.js';
import { RunMarks, type RunMark } from './run-marks.js';

/** The contents of the text of a ledger. */
interface Written extends Omit<LockEntry, 'marks'> {
  readonly marks: Readonly<Record<string, RunMark>>;
  readonly voids?: Readonly<Record<string, number>>;
}

/**
 * Everything that a store remembers about one lock, as a text, and the decisions about the lock. For stores that read
 * the text, decide, and write it back in one atomic step, as in docs/stores.md.
 *
 * Times are by the store's clock, in milliseconds since the epoch. They must never decrease from one decision to the
 * next.
 *
 * @example
 * const ledger = LockLedger.parse(row?.ledger);
 * const reply = ledger.acquire(request, now);
 * if (ledger.hasChanged) await save(request.name, String(ledger));
 */
export class LockLedger {
  readonly #entry: LockEntry;
  /** Owners whose requests may still arrive, with the time until which these are refused. */
  readonly #voids: Map<string, number>;
  #hasChanged = false;

  private constructor(entry: LockEntry, voids: Readonly<Record<string, number>>) {
    this.#entry = entry;
    this.#voids = new Map(Object.entries(voids));
  }

  /** @param text the stored `String(ledger)`; undefined or null if nothing is stored yet */
  static parse(text?: string | null): LockLedger {
    if (!text) return new LockLedger(newEntry(), {});
    const { marks, voids = {}, ...entry } = JSON.parse(text) as Written;
    return new LockLedger({ ...entry, marks: new RunMarks(marks) }, voids);
  }

  /** Whether a decision has changed it, so that the text must be written. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  /** Until when the text must be kept, in milliseconds since the epoch. */
  get keepUntil(): number {
    return Math.max(this.#entry.keepUntil, this.#entry.held?.expiresAt ?? 0, ...this.#voids.values());
  }

  /**
   * Does what `LockStore.acquire` must do. A caller that wants to wait is queued; the one that has waited longest comes
   * first.
   */
  acquire(request: AcquireRequest, now: number): AcquireReply {
    if ((this.#voids.get(request.owner) ?? 0) > now) return { status: 'done', now };
    return this.#decided(acquireEntry(this.#entry, request, at(now)));
  }

  /** Does what `LockStore.renew` must do, for one lease. */
  renew(request: RenewRequest, now: number): OwnerReply {
    return this.#decided(renewEntry(this.#entry, request, at(now)));
  }

  /** Does what `LockStore.release` must do. */
  release(request: ReleaseRequest, now: number): OwnerReply {
    if (request.end === 'void') this.#refuseFromNowOn(request.owner, now);
    return this.#decided(releaseEntry(this.#entry, request, at(now)));
  }

  /** Does what `LockStore.inspect` must do. */
  inspect(now: number): StoredLock | null {
    return inspectEntry(this.#entry, at(now));
  }

  /** Does what `LockAdmin.force` must do. */
  force(request: ForceRequest, now: number): OwnerReply {
    return this.#decided(forceEntry(this.#entry, request, at(now)));
  }

  toString(): string {
    return JSON.stringify({ ...this.#entry, voids: Object.fromEntries(this.#voids) });
  }

  #refuseFromNowOn(owner: string, now: number): void {
    for (const [other, until] of this.#voids) if (until <= now) this.#voids.delete(other);
    this.#voids.set(owner, now + VOID_RETENTION);
    this.#hasChanged = true;
  }

  #decided<R>([reply, hasChanged]: Decision<R>): R {
    this.#hasChanged ||= hasChanged;
    return reply;
  }
}

function at(now: number): { steady: number; wall: number } {
  return { steady: now, wall: now };
}
