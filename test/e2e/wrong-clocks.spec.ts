import { startApp } from '../support/apps.js';
import { eventually } from '../support/eventually.js';
import { faketimeBy, faketimeLibrary } from '../support/faketime.js';
import { event } from '../support/history.js';
import { earliness, isRunning, loudLines, runsOf, runThat, ticksToRun } from '../support/job-runs.js';
import { ReplicaProcess } from '../support/replica-process.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const YEAR = 365 * 24 * HOUR;
/** A tick may be this early by the store's clock; the rest is for the difference of two readings of the time. */
const EARLIEST = 25 + 5;

describeOnSharedStores(
  'a replica whose clock is far ahead, on %s',
  (store) => {
    it('by an hour or a year runs nothing early, keeps no other replica from running, and logs that once', async () => {
      const wrong = [start(HOUR), start(YEAR)];
      // Up before the others: whatever ticks they claim, they claim first.
      await allReady(wrong);
      const right = start(0);
      await allReady([right]);
      const from = Date.now();
      await expectEachOnce([right, ...wrong], from, from + 6 * SECOND);

      expect(runsOf([right, ...wrong]).filter((run) => earliness(run) > EARLIEST)).toEqual([]);
      for (const replica of wrong) expect(loudLines(replica)).toEqual([aheadOfTheStore]);
      expect(loudLines(right)).toEqual([]);
    });

    it('by some seconds waits for each tick and runs it when it is due, even if it is the only replica', async () => {
      const ahead = start(2 * SECOND);
      await allReady([ahead]);
      const from = Date.now() + 2 * SECOND;
      await expectEachOnce([ahead], from, from + 3 * SECOND);

      expect(runsOf([ahead]).filter((run) => earliness(run) > EARLIEST)).toEqual([]);
    });

    const start = (offset: number): ReplicaProcess =>
      startApp('tick-replica', store.options, { CRON: '* * * * * *', ...(offset ? faketimeBy(offset) : {}) });
  },
  { skip: !faketimeLibrary() },
);

const aheadOfTheStore = expect.stringMatching(
  /^error: A tick of "job" was skipped because it is \d+ s ahead of the store's clock/,
);

async function allReady(replicas: readonly ReplicaProcess[]): Promise<void> {
  await Promise.all(replicas.map((replica) => replica.waitFor(event('ready'))));
}

/** Of the ticks in that time. A run of a later one tells that they are decided. */
async function expectEachOnce(replicas: readonly ReplicaProcess[], from: number, to: number): Promise<void> {
  await runThat(replicas, ({ tick }) => tick > to);
  await eventually(() => !runsOf(replicas).some(isRunning));
  const ticks = runsOf(replicas)
    .map(({ tick }) => tick)
    .filter((tick) => tick >= from && tick <= to);
  expect(ticks).not.toEqual([]);
  expect(ticks).toEqual(ticksToRun(replicas, { job: 'job', period: SECOND, from, to }));
}
