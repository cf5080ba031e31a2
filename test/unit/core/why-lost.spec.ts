import { OutageLog } from '../../../lib/common/outage-log.js';
import { HolderIdentity } from '../../../lib/core/holder.js';
import type { LockEvent } from '../../../lib/core/lock-events.js';
import { LockManager } from '../../../lib/core/lock-manager.js';
import { MemoryLockStore } from '../../../lib/stores/memory/memory-lock-store.js';
import { useRealTime } from './support/manual-clock.js';
import { RecordingLogger } from './support/recording-logger.js';
import { RENEW_EVERY, startReplica, TTL, type Replica } from './support/replica.js';
import { answers, fails, hangs } from './support/scripted-store.js';

let replica: Replica;

beforeEach(() => {
  replica = startReplica();
});
afterEach(useRealTime);

describe('a lost lease says why it was lost and what to do', () => {
  it('if the event loop was blocked: for how long', async () => {
    const lease = await replica.acquire('a');
    await replica.clock.pass(100);
    replica.clock.standStill(TTL);

    expect(() => lease.assertHeld()).toThrow(
      expect.objectContaining({
        reason: 'expired',
        message: expect.stringMatching(
          /its time ran out while the event loop was blocked, or the process stood still, for \d+ ms\. .* raise ttl \(10000 ms\)/,
        ),
      }),
    );
    const [, blocked] = /for (\d+) ms/.exec(replica.logger.warnings[0]) ?? [];
    // The timer that should have fired meanwhile fires twice a second at least.
    expect(Number(blocked)).toBeGreaterThanOrEqual(TTL - 500);
    expect(Number(blocked)).toBeLessThanOrEqual(TTL);
  });

  it('if the event loop was blocked while the reply to a renewal waited: not the store', async () => {
    replica.store.always('renew', hangs);
    const lease = await replica.acquire('a');
    await replica.clock.pass(RENEW_EVERY);
    replica.clock.standStill(TTL);

    expect(lease.held).toBe(false);
    expect(lease.lossError).toMatchObject({
      reason: 'expired',
      message: expect.stringContaining('was blocked'),
    });
  });

  it('if its own timer finds it: the same', async () => {
    const lease = await replica.acquire('a');
    replica.clock.standStill(TTL);
    await replica.clock.pass(500);

    expect(replica.logger.warnings).toEqual([expect.stringMatching(/was blocked.* for \d+ ms/)]);
    expect(lease.lossError?.reason).toBe('expired');
  });

  it.each([
    ['fails', fails({ mayHaveRun: true })],
    ['does not answer', hangs],
  ])('if the store %s: an outage', async (_what, behaviour) => {
    replica.store.always('renew', behaviour);
    const lease = await replica.acquire('a');
    await replica.clock.pass(TTL);

    expect(lease.lossError).toMatchObject({
      reason: 'store-unavailable',
      message: expect.stringMatching(/the store could not be reached\. Raise ttl \(10000 ms\)/),
    });
  });

  it.each([
    ['taken', /another owner holds the lock now\. It was taken by force/],
    ['vanished', /the lock is gone from the store\. It was deleted or evicted, or the store lost its data/],
  ] as const)('where a renewal says %s', async (reply, told) => {
    const lease = await replica.acquire('a');
    replica.store.next('renew', answers([reply]));
    await replica.clock.pass(RENEW_EVERY);

    expect(lease.lossError?.message).toMatch(told);
  });
});

describe('the numbers of events', () => {
  it('are whole milliseconds, as are those of a lease in logs', async () => {
    useRealTime();
    const logger = new RecordingLogger();
    const locks = new LockManager({
      store: new MemoryLockStore(),
      logger,
      outages: new OutageLog(logger),
      identity: new HolderIdentity('replica-1'),
      ttl: 10_000,
      renewEvery: 20,
      commandTimeout: 1000,
      drainTimeout: 1000,
    });
    const events: LockEvent[] = [];
    const renewed = new Promise<void>((resolve) => {
      locks.events.listen((event) => {
        events.push(event);
        if (event.type === 'renewed') resolve();
      });
    });

    await locks.run('a', () => renewed, { occurrence: { tick: new Date() } });
    const acquisition = await locks.tryAcquire('a', {});
    if (acquisition.status !== 'acquired') throw new Error(acquisition.reason);
    await locks.run('a', () => 1, {});
    await locks.run('a', () => 1, { wait: 30 }).catch(() => undefined);
    expect(JSON.parse(JSON.stringify(acquisition.lease)).remaining % 1).toBe(0);
    await acquisition.lease.release();
    await locks.close();

    expect(new Set(events.map(({ type }) => type))).toEqual(
      new Set(['acquired', 'started', 'renewed', 'released', 'finished', 'skipped', 'waited']),
    );
    const numbers = events
      .flatMap((event) => Object.entries(event))
      .filter(([, value]) => typeof value === 'number');
    expect(numbers.filter(([, value]) => !Number.isInteger(value))).toEqual([]);
  });
});
