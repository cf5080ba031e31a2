import { randomUUID } from 'node:crypto';
import { strict as assert } from 'node:assert';
import type {
  AcquireReply,
  AcquireRequest,
  Claim,
  GapClaim,
  JobPause,
  JobState,
  KeyClaim,
  LockStore,
  ReleaseRequest,
  StoredLock,
  TickClaim,
} from '../../stores/lock-store.js';
import { eventually } from './checks.js';

/** Lets the replies through. */
export type HeldReplies = () => void | Promise<void>;

/** What the contract needs to know of the store under test. */
export interface StoresUnderTest {
  /** Two instances on the same data, as two replicas have; the same one twice if the data is in this process only. */
  readonly stores: readonly [LockStore, LockStore];
  /** An instance on the same server under another prefix. */
  readonly otherPrefix?: LockStore;
  /** The store's clock, milliseconds since the epoch. */
  now(): number | Promise<number>;
  /** Moves the store's clock forward by so many milliseconds. Only if its time does not pass by itself. */
  advance?(ms: number): void | Promise<void>;
  /** Changes what is stored so that the claim looks as if it was granted or completed when the clock was that much later. */
  setClockBack?(name: string, claim: Claim, ms: number): void | Promise<void>;
  /** Holds back what the server replies to the first instance, until the returned function is called. */
  holdReplies?(): HeldReplies | Promise<HeldReplies>;
  /** Closes the instances, and removes the data. */
  close(): Promise<void>;
}

/** Milliseconds that every call gets. */
export const WITHIN = 5000;
/** The TTL of a lease that does not expire during a case. */
export const LONG = 30_000;
/** The TTL of a lease whose expiry a case waits for. */
export const SHORT = 120;
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** The stores of one case, with what the cases do often. */
export class Subject {
  readonly one: LockStore;
  readonly two: LockStore;
  readonly #stores: StoresUnderTest;

  constructor(stores: StoresUnderTest) {
    this.#stores = stores;
    [this.one, this.two] = stores.stores;
  }

  get otherPrefix(): LockStore {
    return this.#stores.otherPrefix!;
  }

  /** Whether the case must move the clock itself. */
  get standsStill(): boolean {
    return this.#stores.advance !== undefined;
  }

  async now(): Promise<number> {
    return this.#stores.now();
  }

  /** The time of a tick that is due now. */
  async due(): Promise<number> {
    return Math.floor(await this.now());
  }

  async advance(ms: number): Promise<void> {
    await this.#stores.advance?.(ms);
  }

  async setClockBack(name: string, claim: Claim, ms: number): Promise<void> {
    await this.#stores.setClockBack!(name, claim, ms);
  }

  async holdReplies(): Promise<HeldReplies> {
    return this.#stores.holdReplies!();
  }

  inspect(name: string): Promise<StoredLock | null> {
    return this.one.inspect(name, WITHIN);
  }

  /** The owner that holds the lock. */
  async ownerOf(name: string): Promise<string | undefined> {
    return (await this.inspect(name))?.owner;
  }

  /** Waits until the holder does not hold the lock any more. It may have been given to a waiter at once. */
  async expiry(name: string): Promise<void> {
    const held = await this.inspect(name);
    if (!held) return;
    await this.advance(held.remaining);
    await eventually('the lock has expired', async () => {
      const now = await this.inspect(name);
      return !now || now.owner !== held.owner || now.fencingToken !== held.fencingToken;
    });
  }

  /** What is known of the job, as another replica reads it. */
  async read(claim: Claim, name = 'job'): Promise<JobState> {
    const [state] = await this.two.runs!.read([{ name, kind: claim.kind, job: claim.job }], WITHIN);
    return state;
  }

  /** Pauses the job of the claim, or resumes it. */
  pause(claim: Claim, pause: JobPause | null): Promise<void> {
    return this.one.runs!.pause({ name: 'job', kind: claim.kind, job: claim.job }, pause, WITHIN);
  }

  /** What another replica is told that wants the claim. */
  ask(claim: Claim): Promise<AcquireReply> {
    return this.two.acquire(request('job', { claim }), WITHIN);
  }

  /** Has a holder begin the claim and lose its lease, as one that dies. */
  async die(claim: Claim): Promise<AcquireRequest> {
    const dead = request('job', { claim, ttl: SHORT });
    await granted(this.one, dead);
    await this.expiry('job');
    return dead;
  }

  /** Has the claim run to its end. */
  async complete(claim: Claim): Promise<void> {
    const holder = request('job', { claim });
    const fencingToken = await granted(this.one, holder);
    const run = claim.history ? { fencingToken, outcome: 'succeeded' as const } : undefined;
    assert.equal(await this.one.release({ ...ended(holder, 'completed'), run }, WITHIN), 'held');
  }
}

/** A request of a new owner. */
export function request(name: string, more: Partial<AcquireRequest> = {}): AcquireRequest {
  const owner = randomUUID().replaceAll('-', '');
  return { name, owner, holder: JSON.stringify({ replica: 'web-1' }), ttl: LONG, ...more };
}

/** The end of the acquisition with that request. */
export function ended(
  { name, owner, ttl, claim }: AcquireRequest,
  end: ReleaseRequest['end'] = 'unfinished',
): ReleaseRequest {
  return { name, owner, ttl, claim, end };
}

/** A tick that is granted once. */
export function tickClaim(time: number, job = 'cron'): TickClaim {
  return { kind: 'tick', job, time, rerun: false };
}

/** A tick that is granted again until it was completed. */
export function rerunClaim(time: number, maxAttempts?: number): TickClaim {
  return { kind: 'tick', job: 'cron', time, rerun: true, maxAttempts };
}

export function gapClaim(gap = HOUR, job = 'interval'): GapClaim {
  return { kind: 'gap', job, gap };
}

export function keyClaim(job = '["v1"]', remember = HOUR): KeyClaim {
  return { kind: 'key', job, remember };
}

/** The same claim, of which a record is kept. */
export function recorded<C extends Claim>(claim: C, history = 5): C {
  return { ...claim, history, replica: 'web-1' };
}

/** What a claim is called in the name of a case, and how it is made for the time that the store has. */
export type ClaimKind = readonly [name: string, claimAt: (now: number) => Claim];

export const TICK: ClaimKind = ['a tick', (now) => tickClaim(now)];
export const RERUN: ClaimKind = ['a tick that is granted again', (now) => rerunClaim(now)];
export const GAP: ClaimKind = ['a gap', () => gapClaim()];
export const KEY: ClaimKind = ['a key', () => keyClaim()];
/** What is marked when it is granted. */
export const MARKED_AT_GRANT = [TICK, RERUN, GAP];
export const EVERY_CLAIM = [...MARKED_AT_GRANT, KEY];

/** Acquires, and fails the case if that is not granted. Returns the fencing token. */
export async function granted(store: LockStore, wanted: AcquireRequest): Promise<number> {
  const reply = await store.acquire(wanted, WITHIN);
  assert.ok(reply.status === 'granted', `expected a grant, got ${JSON.stringify(reply)}`);
  return reply.fencingToken;
}
