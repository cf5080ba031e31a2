import {
  acquireEntry,
  forceEntry,
  inspectEntry,
  releaseEntry,
  renewEntry,
  type Decision,
  type LockEntry,
  type StoreTime,
} from '../lock-entry.js';
import {
  TOKEN_RETENTION,
  VOID_RETENTION,
  type AcquireReply,
  type AcquireRequest,
  type ForceRequest,
  type OwnerReply,
  type ReleaseRequest,
  type RenewRequest,
  type StoredLock,
} from '../lock-store.js';
import { RunMarks, type RunMark } from '../run-marks.js';
import type { Waiter } from '../waiting-queue.js';
import type { LedgerChange, LedgerGrant, LedgerHold, LedgerReading, LedgerTable } from './ledger-table.js';

/** What the text of a row holds: only what is there. */
interface Written {
  readonly marks?: Readonly<Record<string, RunMark>>;
  readonly queue?: readonly Waiter[];
  /** Owners whose requests may still arrive, and until when they are refused. */
  readonly voids?: Readonly<Record<string, number>>;
}

/** One lock as it was read, the decisions about it, and the change that they make. */
export class Ledger {
  readonly entry: LockEntry;
  readonly time: StoreTime;
  readonly #key: string;
  readonly #before: LedgerReading;
  readonly #heldUntil: number;
  readonly #voids: Map<string, number>;
  #hasChanged = false;
  /** Those that have asked and know by the reply that they hold the lock. */
  readonly #answered = new Set<string>();

  /** @param gone processes that do not exist any more: their waiters are left out */
  constructor(key: string, before: LedgerReading, gone?: ReadonlySet<string>) {
    const { now, row } = before;
    const { marks, queue, voids = {} } = (row?.ledger ? JSON.parse(row.ledger) : {}) as Written;
    const { held, fencingToken = 0 } = row ?? {};
    this.#key = key;
    this.#before = before;
    this.time = { steady: now, wall: now };
    this.#voids = new Map(Object.entries(voids));
    this.entry = { fencingToken, marks: new RunMarks(marks), keepUntil: 0 };
    this.#heldUntil = now + (held?.ttl ?? 0);
    if (held) {
      const { owner, holder, process } = held;
      this.entry.held = { owner, holder, expiresAt: this.#heldUntil, process };
    }
    if (queue) this.entry.queue = queue.filter(({ process }) => !gone?.has(process as string));
  }

  /** As `LockStore.acquire`. `processFor` is that of the table. */
  acquire(request: AcquireRequest, processFor: LedgerTable['processFor']): AcquireReply {
    const { owner, ttl } = request;
    const { entry, time } = this;
    if ((this.#voids.get(owner) ?? 0) > time.wall) return { status: 'done', now: time.wall };
    const reply = this.decide(acquireEntry(entry, request, time));
    if (reply.status === 'granted') {
      entry.held!.process = processFor?.(ttl);
      this.#answered.add(owner);
    }
    const waiter = entry.queue?.find((waiting) => waiting.owner === owner);
    const process = waiter && processFor?.();
    if (waiter && waiter.process !== process) {
      waiter.process = process;
      this.#hasChanged = true;
    }
    return reply.status === 'busy' ? { ...reply, lastToken: entry.fencingToken } : reply;
  }

  /** As `LockStore.renew`, of one lease. */
  renew(request: RenewRequest, process: string | undefined): OwnerReply {
    const reply = this.decide(renewEntry(this.entry, request, this.time));
    if (reply === 'held') this.entry.held!.process = process;
    return reply;
  }

  /** As `LockStore.release`. `isUnsettled`: a request of this owner may still arrive, and is refused. */
  release(request: ReleaseRequest, isUnsettled: boolean): OwnerReply {
    if (isUnsettled && request.end === 'void') this.#refuseFromNowOn(request.owner);
    return this.decide(releaseEntry(this.entry, request, this.time));
  }

  /** As `LockStore.inspect`. */
  inspect(): StoredLock | null {
    return inspectEntry(this.entry, this.time);
  }

  /** As `LockAdmin.force`. */
  force(request: ForceRequest): OwnerReply {
    return this.decide(forceEntry(this.entry, request, this.time));
  }

  /** Notes whether the decision has changed anything, and returns the reply. */
  decide<R>([reply, hasChanged]: Decision<R>): R {
    this.#hasChanged ||= hasChanged;
    return reply;
  }

  /** What the decisions have changed; undefined if that is nothing. */
  get change(): LedgerChange | undefined {
    if (!this.#hasChanged) return undefined;
    const { fencingToken } = this.entry;
    const { wall } = this.time;
    return {
      key: this.#key,
      before: this.#before,
      held: this.#held,
      fencingToken,
      ledger: String(this),
      keepUntil: Math.max(wall + TOKEN_RETENTION, this.entry.marks.keptUntil, ...this.#voids.values()),
      given: this.#given,
    };
  }

  /** The processes of all who wait, and of the one that the lock is being given to. */
  get waitingProcesses(): string[] {
    const waiting = [...(this.entry.queue ?? []), this.#given];
    return waiting.flatMap((waiter) => (waiter?.process as string | undefined) ?? []);
  }

  /** The text of the row. */
  toString(): string {
    const { marks, queue } = this.entry;
    if (marks.size === 0 && !queue?.length && this.#voids.size === 0) return '';
    return JSON.stringify({
      ...(marks.size > 0 && { marks }),
      ...(queue?.length && { queue }),
      ...(this.#voids.size > 0 && { voids: Object.fromEntries(this.#voids) }),
    });
  }

  get #held(): LedgerChange['held'] {
    const { held } = this.entry;
    const before = this.#before.row?.held;
    if (!held) return before ? 'freed' : 'kept';
    const { owner, holder, expiresAt } = held;
    const process = held.process as string | undefined;
    const isKept = expiresAt === this.#heldUntil && isSame(before, { owner, holder, process });
    return isKept ? 'kept' : { owner, holder, ttl: expiresAt - this.time.steady, process };
  }

  /** The grant to a waiter that does not know of it. */
  get #given(): LedgerGrant | undefined {
    const held = this.#held;
    if (typeof held === 'string' || held.owner === this.#before.row?.held?.owner) return undefined;
    if (this.#answered.has(held.owner)) return undefined;
    const { owner, ttl, process } = held;
    return { owner, process, fencingToken: this.entry.fencingToken, keptFor: ttl };
  }

  #refuseFromNowOn(owner: string): void {
    const { wall } = this.time;
    for (const [other, until] of this.#voids) if (until <= wall) this.#voids.delete(other);
    this.#voids.set(owner, wall + VOID_RETENTION);
    this.#hasChanged = true;
  }
}

function isSame(before: LedgerHold | undefined, held: Omit<LedgerHold, 'ttl'>): boolean {
  return before?.owner === held.owner && before.holder === held.holder && before.process === held.process;
}

/** How many wait, by the text of a row. */
export function waitersIn(ledger: string): number {
  return ledger ? ((JSON.parse(ledger) as Written).queue?.length ?? 0) : 0;
}
