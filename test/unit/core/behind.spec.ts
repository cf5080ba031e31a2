import { jest } from '@jest/globals';
import { BEHIND_TOLERANCE } from '../../../lib/stores/lock-store.js';
import { useRealTime } from './support/manual-clock.js';
import { startReplica, type Replica } from './support/replica.js';

let replica: Replica;
let other: Replica;

beforeEach(() => {
  replica = startReplica();
  other = startReplica({}, replica);
  jest.setSystemTime(Date.UTC(2026, 6, 1, 12, 0, 0));
});
afterEach(useRealTime);

/** The tick of a schedule with this period that is due now by the replica's clock. */
function dueNow(period: number) {
  const next = (moment: Date) => new Date((Math.floor(moment.getTime() / period) + 1) * period);
  const tick = new Date(Math.floor(Date.now() / period) * period);
  return { occurrence: { tick, following: next } };
}

const tickRun = async (period: number) => {
  let tick: number | undefined;
  const running = replica.locks.run('a', (lease) => (tick = lease.tick?.getTime()), dueNow(period));
  await replica.clock.pass(60_000);
  return { outcome: await running, tick };
};

describe('a replica whose clock is behind', () => {
  it('asks for the tick that is due next by the clock of the store, and skips past ticks', async () => {
    replica.store.wallAhead = 29_500;
    const start = Date.now();

    const { outcome, tick } = await tickRun(2000);

    expect(outcome.status).toBe('ran');
    expect(tick).toBe(start + 30_000);
  });

  it('is skipped as done if another replica has run that tick', async () => {
    replica.store.wallAhead = 29_500;
    const due = new Date(Date.now() + 30_000);
    const running = replica.locks.run('a', () => 1, dueNow(2000));
    await replica.clock.pass(400);
    replica.store.wallAhead = 29_600;
    await other.locks.run('a', () => 2, { occurrence: { tick: due } });
    await replica.clock.pass(1000);

    await expect(running).resolves.toEqual({ status: 'skipped', reason: 'done' });
  });

  it('runs its own tick late if the next one is more than a minute away', async () => {
    replica.store.wallAhead = 29_500;
    const start = Date.now();

    const { tick } = await tickRun(3_600_000);

    expect(tick).toBe(start);
  });

  it('runs its own tick late if it is closer than the next one', async () => {
    replica.store.wallAhead = 700;
    const start = Date.now();

    const { tick } = await tickRun(2000);

    expect(tick).toBe(start);
  });

  it('runs every tick late, and skips none, once it has run one', async () => {
    replica.store.wallAhead = 1500;
    const start = Date.now();
    await replica.locks.run('a', () => 1, { occurrence: { tick: new Date(start - 86_400_000) } });

    const { tick } = await tickRun(2000);

    expect(tick).toBe(start);
  });

  it('counts as right within the tolerance', async () => {
    replica.store.wallAhead = BEHIND_TOLERANCE;
    const start = Date.now();

    const { tick } = await tickRun(2000);

    expect(tick).toBe(start);
  });

  it('is not assumed if the request took long to arrive: the tick is not skipped', async () => {
    const start = Date.now();
    replica.store.next('acquire', async (carryOut) => {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return carryOut();
    });

    const { outcome, tick } = await tickRun(10_000);

    expect(outcome.status).toBe('ran');
    expect(tick).toBe(start);
  });
});
