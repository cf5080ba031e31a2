import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  AcquireReply,
  AcquireRequest,
  LockStore,
  OwnerReply,
  ReleaseRequest,
  RenewRequest,
} from '../../../lib/index.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import {
  storeContract,
  type StoreContractCase,
  type StoreContractOptions,
  type StoresUnderTest,
} from '../../../lib/testing/index.js';

const WITHOUT = ['otherPrefix', 'setClockBack', 'holdReplies', 'ownClock'] as const;
const A_TICK = 'a tick is granted when it is due, and done for others afterwards';

type Make = (clock: { now(): number }, wall: () => number) => LockStore;

/** A mistake that is easily made, and the cases that find it. */
const MISTAKES: readonly (readonly [mistake: string, make: Make, cases: readonly string[]])[] = [
  [
    'reads, and writes in a second step',
    (...clocks) =>
      new (class extends MemoryLockStore {
        override async acquire(request: AcquireRequest): Promise<AcquireReply> {
          const found = await this.inspect(request.name);
          await nextTurn();
          if (found) return super.acquire(request);
          this.seize(request);
          return super.acquire(request);
        }
      })(...clocks),
    [
      'acquiring grants a lock that two instances want at once to exactly one, fifty times',
      'acquiring grants one of many attempts that one instance makes at once',
    ],
  ],
  [
    'does not know an owner again',
    (...clocks) =>
      new (class extends MemoryLockStore {
        override acquire(request: AcquireRequest): Promise<AcquireReply> {
          return super.acquire({ ...request, owner: `${request.owner}.${Math.random()}` });
        }
      })(...clocks),
    ['an owner that asks again is granted the lock that it holds, with the same fencing token'],
  ],
  [
    'renews what has expired',
    (...clocks) =>
      new (class extends MemoryLockStore {
        override async renew(requests: readonly RenewRequest[]): Promise<OwnerReply[]> {
          for (const request of requests)
            if (!(await this.inspect(request.name))) this.seize({ ...request, holder: '{}' });
          return super.renew(requests);
        }
      })(...clocks),
    [
      'renewing does not create a lock that nobody holds',
      'expiry is noticed by the holder if nobody has the lock since',
    ],
  ],
  [
    'does not give back what is void',
    (...clocks) =>
      new (class extends MemoryLockStore {
        override release(request: ReleaseRequest): Promise<OwnerReply> {
          return super.release(request.end === 'void' ? { ...request, end: 'unfinished' } : request);
        }
      })(...clocks),
    [
      'an acquisition that is void can be claimed again at once: a tick',
      'an acquisition that is void can be claimed again when the lease has expired: a gap',
      'an acquisition that is void is no attempt, also if that is said twice',
    ],
  ],
  [
    'frees a lock for anybody',
    (...clocks) =>
      new (class extends MemoryLockStore {
        override async release(request: ReleaseRequest): Promise<OwnerReply> {
          const owner = (await this.inspect(request.name))?.owner ?? request.owner;
          return super.release({ ...request, owner });
        }
      })(...clocks),
    [
      'releasing changes nothing for a stranger: void',
      'an acquisition that is void is given back once: a tick',
    ],
  ],
  [
    'says busy before it says done',
    (...clocks) =>
      new (class extends MemoryLockStore {
        override async acquire(request: AcquireRequest): Promise<AcquireReply> {
          const found = await this.inspect(request.name);
          if (found && found.owner !== request.owner) return super.acquire({ ...request, claim: undefined });
          return super.acquire(request);
        }
      })(...clocks),
    ['a tick is done rather than busy while it runs', 'a tick is early rather than done or busy'],
  ],
  [
    'counts its tokens from 1 for each lock',
    (...clocks) =>
      new (class extends MemoryLockStore {
        override async acquire(request: AcquireRequest): Promise<AcquireReply> {
          const reply = await super.acquire(request);
          return reply.status === 'granted' ? { ...reply, fencingToken: 1 } : reply;
        }
      })(...clocks),
    [
      'a fencing token grows with each of hundreds of grants: after releases, with ticks, on either instance',
      'a fencing token starts at the time of the store in microseconds, a safe integer',
    ],
  ],
];

describe('the contract of stores', () => {
  it.each(MISTAKES)('finds a store that %s', async (_, make, names) => {
    for (const name of names) await expect(caseOf(name, make).run()).rejects.toThrow(/./);
  });

  it('finds a store that judges by the clock of the replica', async () => {
    const without = WITHOUT.filter((need) => need !== 'ownClock');
    for (const direction of ['ahead', 'behind']) {
      const name = `the store's clock decides about ticks though that of the replica is ${direction}`;
      await expect(caseOf(name, byReplicasClock, { without }).run()).rejects.toThrow(/./);
    }
    expect(Math.abs(Date.now() - performance.timeOrigin - performance.now())).toBeLessThan(60_000);
  });

  it('is kept by the stores that it does not find', async () => {
    await expect(caseOf(A_TICK).run()).resolves.toBeUndefined();
  });

  it('closes the stores whatever has come of it', async () => {
    let closed = 0;
    const open = async (): Promise<StoresUnderTest> => ({ ...underTest(), close: async () => void closed++ });
    for (const { skip, run } of storeContract(open, { without: WITHOUT }).slice(0, 5)) {
      expect(skip).toBe(false);
      await run();
    }
    expect(closed).toBe(5);
  });

  it('skips what the store goes without, and says so', () => {
    const [skipped] = storeContract(async () => underTest(), { without: ['queue'] }).filter(
      ({ skip }) => skip,
    );
    expect(skipped).toMatchObject({
      skip: 'without queue',
      name: expect.stringContaining('(skipped: without queue)'),
    });
  });

  it.each<[string, StoreContractOptions]>([
    ['The stores under test have "queue"', { without: [...WITHOUT, 'queue'] }],
    ['The stores under test have no "otherPrefix"', { without: WITHOUT.slice(1) }],
  ])('does not take the word of a test for it: %s', async (said, options) => {
    const [declaration] = storeContract(async () => underTest(), options);
    await expect(declaration.run()).rejects.toThrow(said);
  });

  it('lets a promise be broken that is excepted, and fails if it is kept after all', async () => {
    const except = { [A_TICK]: 'on purpose' };
    const name = `${A_TICK} (not kept: on purpose)`;
    await expect(caseOf(name, withoutClaims, { without: WITHOUT, except }).run()).resolves.toBeUndefined();
    await expect(caseOf(name, undefined, { without: WITHOUT, except }).run()).rejects.toThrow(
      `Remove from \`except\`: ${A_TICK}`,
    );
  });

  it('does not take an error of the test for a broken promise', async () => {
    const cases = storeContract(openWrongly, { without: WITHOUT, except: { [A_TICK]: 'on purpose' } });
    const excepted = cases.find(({ name }) => name.startsWith(A_TICK))!;
    await expect(excepted.run()).rejects.toThrow('the test is wrong');
  });

  it('refuses an exception that is none of its cases', () => {
    expect(() => storeContract(async () => underTest(), { except: { 'a tick is tocked': 'typo' } })).toThrow(
      expect.objectContaining({
        code: 'LOCK_CONFIGURATION',
        message: expect.stringContaining('a tick is tocked'),
      }),
    );
  });
});

const byReplicasClock: Make = (clock) => new MemoryLockStore(clock, () => Date.now());

const withoutClaims: Make = (...clocks) =>
  new (class extends MemoryLockStore {
    override acquire(request: AcquireRequest): Promise<AcquireReply> {
      return super.acquire({ ...request, claim: undefined });
    }
  })(...clocks);

async function openWrongly(): Promise<StoresUnderTest> {
  return { ...underTest(), now: () => Promise.reject(new TypeError('the test is wrong')) };
}

function caseOf(
  name: string,
  make?: Make,
  options: StoreContractOptions = { without: WITHOUT },
): StoreContractCase {
  const found = storeContract(async () => underTest(make), options).find((each) => each.name === name);
  if (!found) throw new Error(`there is no case "${name}"`);
  return found;
}

function underTest(make: Make = (...clocks) => new MemoryLockStore(...clocks)): StoresUnderTest {
  let passed = 0;
  const epoch = performance.timeOrigin;
  const wall = () => epoch + passed;
  const store = make({ now: () => passed }, wall);
  return {
    stores: [store, store],
    now: wall,
    advance: (ms) => {
      passed += ms;
    },
    close: () => store.close(),
  };
}
