import { jest } from '@jest/globals';
import { useRealTime } from './support/manual-clock.js';
import { startReplica, type Replica } from './support/replica.js';

let replica: Replica;

beforeEach(() => {
  replica = startReplica();
  jest.setSystemTime(Date.UTC(2026, 6, 1, 12, 0, 0));
});
afterEach(useRealTime);

let ticks = 0;

/** Ticks of long ago, each another: whether they are done is not the question here. */
async function runTick(): Promise<void> {
  await replica.locks.run('a', () => 1, { occurrence: { tick: new Date(++ticks) } });
}

const minutesAhead = (minutes: number) => ({ occurrence: { tick: new Date(Date.now() + minutes * 60_000) } });

describe('a replica whose clock is out of step with the store', () => {
  it.each([
    ['ahead of', -1500],
    ['behind', 1500],
  ])('logs once by how much it is %s the store', async (word, wallAhead) => {
    replica.store.wallAhead = wallAhead;

    for (let i = 0; i < 5; i++) await runTick();

    expect(replica.logger.warnings).toHaveLength(1);
    expect(replica.logger.warnings[0]).toContain(`The clock of this replica is 1.5 s ${word} the store's`);
    expect(replica.logger.warnings[0]).toContain('2026-07-01T12:00:00.000Z');
  });

  it('logs that again if it happens again after its clock was right', async () => {
    for (const wallAhead of [2000, 0, 2000]) {
      replica.store.wallAhead = wallAhead;
      await runTick();
    }

    expect(replica.logger.warnings).toHaveLength(2);
  });

  it('does not log it again while the difference varies around a second', async () => {
    for (const wallAhead of [1100, 900, 1100, 900, 1100]) {
      replica.store.wallAhead = wallAhead;
      await runTick();
    }

    expect(replica.logger.warnings).toHaveLength(1);
  });

  it('logs that its ticks are too early even if it has logged that its clock is ahead', async () => {
    replica.store.wallAhead = -2000;
    await runTick();
    await replica.locks.run('a', () => 1, minutesAhead(2));
    await replica.locks.run('a', () => 1, minutesAhead(2));

    expect(replica.logger.warnings).toHaveLength(1);
    expect(replica.logger.errors).toHaveLength(1);
  });

  it('does not log a difference that a slow reply explains', async () => {
    replica.store.next('acquire', async (carryOut) => {
      await new Promise((resolve) => setTimeout(resolve, 1900));
      return carryOut();
    });
    const running = runTick();
    await replica.clock.pass(1900);
    await running;

    expect(replica.logger.warnings).toEqual([]);
  });

  it('logs one error, and not one for each tick, if its ticks are more than a minute early', async () => {
    for (let i = 0; i < 5; i++) {
      const outcome = await replica.locks.run('a', () => 1, minutesAhead(2));
      expect(outcome).toEqual({ status: 'skipped', reason: 'early' });
    }

    expect(replica.logger.errors).toHaveLength(1);
    expect(replica.logger.warnings).toEqual([]);
  });
});
