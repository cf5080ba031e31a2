import { randomUUID } from 'node:crypto';
import type {
  AcquireReply,
  AcquireRequest,
  Claim,
  LockStore,
  TickClaim,
} from '../../../../lib/stores/lock-store.js';
import { eventually } from '../../../support/eventually.js';

/** What the conformance suite needs to know of the store under test. */
export interface StoresUnderTest {
  /** Two instances on the same data, as two replicas would have. */
  readonly stores: readonly [LockStore, LockStore];
  /** An instance on the same data under another prefix, if the store knows prefixes. */
  readonly otherPrefix?: LockStore;
  /** The store's clock, milliseconds since the epoch. */
  now(): number | Promise<number>;
  /** Moves the store's clocks forward. Absent: its time is real and passes by itself. */
  readonly advance?: (ms: number) => void;
  /** Does what it can so that the claim looks as if it was granted, or completed, when the clock was that much later. */
  setClockBack(name: string, claim: Claim, ms: number): void | Promise<void>;
  close(): Promise<void>;
}

export type MakeStores = () => Promise<StoresUnderTest>;

/** Milliseconds that every call gets. */
export const WITHIN = 5000;
/** A lease that does not expire during a test. */
export const LONG = 30_000;
/** A lease that a test waits out. */
export const SHORT = 120;

/** The stores of the current test, with what the tests say often. */
export interface Subject {
  readonly one: LockStore;
  readonly two: LockStore;
  readonly otherPrefix: LockStore | undefined;
  readonly advance: ((ms: number) => void) | undefined;
  now(): Promise<number>;
  setClockBack(name: string, claim: Claim, ms: number): Promise<void>;
  /** Waits until nobody holds the lock any more, by whatever clock it expires. */
  expiry(name: string): Promise<void>;
}

/** Opens stores before each test and closes them after it. */
export function useStores(makeStores: MakeStores): Subject {
  let current: StoresUnderTest;
  beforeEach(async () => {
    current = await makeStores();
  });
  afterEach(() => current.close());

  return {
    get one() {
      return current.stores[0];
    },
    get two() {
      return current.stores[1];
    },
    get otherPrefix() {
      return current.otherPrefix;
    },
    get advance() {
      return current.advance;
    },
    now: async () => current.now(),
    setClockBack: async (name, claim, ms) => current.setClockBack(name, claim, ms),
    expiry: async (name) => {
      const held = await current.stores[0].inspect(name, WITHIN);
      if (held) current.advance?.(held.remaining);
      await eventually(async () => (await current.stores[0].inspect(name, WITHIN)) === null);
    },
  };
}

/** A request of a new holder. */
export function request(name: string, more: Partial<AcquireRequest> = {}): AcquireRequest {
  return { name, record: JSON.stringify({ token: randomUUID() }), ttl: LONG, ...more };
}

/** A tick of a job, which is not run again when its holder dies unless `rerun`. */
export function tickClaim(time: number, job = 'cron', rerun = false): TickClaim {
  return { kind: 'tick', job, time, rerun };
}

/** Acquires, and fails the test if it is not granted. */
export async function grantedToken(store: LockStore, wanted: AcquireRequest): Promise<number> {
  return fenceOf(await store.acquire(wanted, WITHIN));
}

export function fenceOf(reply: AcquireReply): number {
  if (reply.status !== 'granted') throw new Error(`Expected a grant, got ${JSON.stringify(reply)}`);
  return reply.fencingToken;
}
