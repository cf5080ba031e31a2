import { jest } from '@jest/globals';
import { EARLY_TOLERANCE } from '../../../lib/stores/lock-store.js';
import { settle, useRealTime } from './support/manual-clock.js';
import { startReplica, TTL, type Replica } from './support/replica.js';
import { hangs } from './support/scripted-store.js';

let replica: Replica;
let other: Replica;

beforeEach(() => {
  replica = startReplica();
  other = startReplica({}, replica);
});
afterEach(useRealTime);

const occurrence = (fromNow = 0, job?: string) => ({
  occurrence: { tick: new Date(Date.now() + fromNow), job },
});

describe('a run for a tick', () => {
  it('happens once across replicas; the others skip it as done', async () => {
    const options = occurrence();

    const outcomes = [
      await replica.locks.run('a', () => 1, options),
      await other.locks.run('a', () => 2, options),
      await replica.locks.run('a', () => 3, options),
    ];

    const done = { status: 'skipped', reason: 'done' };
    expect(outcomes).toEqual([{ status: 'ran', value: 1 }, done, done]);
  });

  it('is also done if a later tick was run, but not if an earlier one was', async () => {
    await replica.locks.run('a', () => 1, occurrence(-1000));

    await expect(other.locks.run('a', () => 2, occurrence(-2000))).resolves.toMatchObject({ reason: 'done' });
    await expect(other.locks.run('a', () => 3, occurrence(0))).resolves.toMatchObject({ value: 3 });
  });

  it('is done while its holder still runs it, and busy if the holder runs another tick', async () => {
    const options = occurrence(-1000);
    await other.acquire('a', options);

    await expect(replica.locks.run('a', () => 1, options)).resolves.toMatchObject({ reason: 'done' });
    await expect(replica.locks.run('a', () => 1, occurrence())).resolves.toMatchObject({ reason: 'busy' });
  });

  it('does not affect the ticks of another job of the same lock', async () => {
    await replica.locks.run('a', () => 1, occurrence(0, 'hourly'));

    await expect(replica.locks.run('a', () => 2, occurrence(0, 'daily'))).resolves.toMatchObject({
      value: 2,
    });
  });
});

const rerun = (maxAttempts?: number) => ({
  occurrence: {
    tick: new Date(Date.now() - 1000),
    job: 'nightly',
    onHolderDeath: 'rerun',
    maxAttempts,
  } as const,
});

describe('a tick that kills each replica that runs it', () => {
  it.each([undefined, 2])(
    'is given up, which one line of one replica tells: maxAttempts %s',
    async (most) => {
      const options = rerun(most);
      const tick = options.occurrence.tick.toISOString();
      for (let i = 0; i < (most ?? 3); i++) {
        const lease = await replica.acquire('a', options);
        // As a process that dies: it neither completes the run nor gives the lock back.
        replica.store.next('release', hangs);
        void lease.release();
        await replica.clock.pass(TTL + 1);
      }

      const outcomes = [
        await other.locks.run('a', () => 1, options),
        await replica.locks.run('a', () => 1, options),
      ];

      const done = { status: 'skipped', reason: 'done' };
      expect(outcomes).toEqual([done, done]);
      expect(other.logger.warnings).toEqual([
        `The tick ${tick} of nightly was given up: ${most ?? 3} replicas have begun it under the lock "a", and none ` +
          'finished it. Find out what kills them.',
      ]);
      expect(replica.logger.warnings).toEqual([]);
    },
  );

  it('refuses maxAttempts of zero, and maxAttempts without rerun', async () => {
    const options = { occurrence: { tick: new Date(), onHolderDeath: 'rerun', maxAttempts: 0 } } as const;
    await expect(replica.locks.run('a', () => 1, options)).rejects.toMatchObject({
      message: 'occurrence.maxAttempts must be a whole number from 1; got occurrence.maxAttempts = 0.',
    });
    await expect(
      replica.locks.run('a', () => 1, { occurrence: { tick: new Date(), maxAttempts: 5 } }),
    ).rejects.toMatchObject({
      message:
        "occurrence.maxAttempts must be left out unless onHolderDeath is 'rerun'; got occurrence.maxAttempts = 5.",
    });
  });
});

describe('a mark from the future', () => {
  it.each([
    ['of a tick', () => ({ tick: new Date(Date.now() + replica.store.wallAhead), job: 'nightly' })],
    ['of a key', () => ({ key: 'v1', job: 'nightly' })],
    ['of a gap', () => ({ gap: 60_000, job: 'nightly' })],
  ])(
    'is ignored once the clock of the store was set back, and told in one line: %s',
    async (_, occurrenceOf) => {
      const HOUR = 3_600_000;
      replica.store.wallAhead = 10 * HOUR;
      await replica.locks.run('a', () => 1, { occurrence: occurrenceOf() });
      const mark = new Date(Date.now() + 10 * HOUR).toISOString();
      replica.store.wallAhead = 0;
      replica.logger.warnings.length = 0;
      await replica.clock.pass(1000);

      const outcome = await replica.locks.run('a', () => 2, { occurrence: occurrenceOf() });
      const again = await other.locks.run('a', () => 3, { occurrence: occurrenceOf() });

      expect([outcome, again]).toEqual([
        { status: 'ran', value: 2 },
        { status: 'skipped', reason: 'done' },
      ]);
      const lines = [...replica.logger.warnings, ...other.logger.warnings].filter((line) =>
        line.includes('set back'),
      );
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(`The lock "a" remembers a run at ${mark}`);
      expect(lines[0]).toContain(`clock says ${new Date().toISOString()}`);
      expect(lines[0]).toContain('of nightly');
    },
  );
});

describe('a tick that is early by the clock of the store', () => {
  it('is waited for, and asked for again when it is due', async () => {
    replica.store.wallAhead = -3000;
    const work = jest.fn();

    const running = replica.locks.run('a', work, occurrence());
    await replica.clock.pass(2999);
    expect(work).not.toHaveBeenCalled();
    await replica.clock.pass(1);

    await expect(running).resolves.toMatchObject({ status: 'ran' });
    expect(replica.store.callsOf('acquire').map(({ at }) => at)).toEqual([0, 3000]);
  });

  it('runs at once within the tolerance', async () => {
    replica.store.wallAhead = -EARLY_TOLERANCE;

    await expect(replica.locks.run('a', () => 1, occurrence())).resolves.toMatchObject({ status: 'ran' });
  });

  it('is skipped after the wait if another replica has run it by then', async () => {
    replica.store.wallAhead = -3000;
    const options = occurrence();
    const running = replica.locks.run('a', () => 1, options);
    await settle();

    replica.store.wallAhead = 0;
    await other.locks.run('a', () => 2, options);
    await replica.clock.pass(3000);

    await expect(running).resolves.toEqual({ status: 'skipped', reason: 'done' });
  });

  it('is still waited for when it is a minute early', async () => {
    replica.store.wallAhead = -60_000;

    const running = replica.locks.run('a', () => 1, occurrence());
    await replica.clock.pass(60_000);

    await expect(running).resolves.toMatchObject({ status: 'ran' });
    expect(replica.logger.errors).toEqual([]);
  });

  it('is skipped when it is more than a minute early, with one error line that names both clocks', async () => {
    jest.setSystemTime(Date.UTC(2026, 6, 1, 12, 0, 0));
    replica.store.wallAhead = -90_000;

    const outcome = await replica.locks.run('a', () => 1, occurrence());

    expect(outcome).toEqual({ status: 'skipped', reason: 'early' });
    expect(replica.logger.errors).toHaveLength(1);
    expect(replica.logger.errors[0]).toContain("this replica's clock says 2026-07-01T12:00:00.000Z");
    expect(replica.logger.errors[0]).toContain("the store's clock says 2026-07-01T11:58:30.000Z");
    expect(jest.getTimerCount()).toBe(0);
  });
});
