import { machineTime } from '../support/contenders.js';
import { startApp } from '../support/apps.js';
import { eventually } from '../support/eventually.js';
import { faketimeBy, faketimeLibrary } from '../support/faketime.js';
import { HANG } from '../support/hang.js';
import { event } from '../support/history.js';
import {
  earliness,
  isRunning,
  loudLines,
  machineTimeIs,
  runsOf,
  runThat,
  signalBetweenRuns,
  ticksToRun,
  wallTime,
} from '../support/job-runs.js';
import { ReplicaProcess } from '../support/replica-process.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

const SECOND = 1000;
const PERIOD = 2 * SECOND;

/** How long each test watches. A minute: `ONCE_SECONDS=60`. */
const WATCHED = Number(process.env['ONCE_SECONDS'] ?? 10) * SECOND;
/** Far off, and not so far that the fast one would come to none of its own ticks while the test watches. */
const FAR = Math.min(30 * SECOND, Math.floor(WATCHED / 2 / PERIOD) * PERIOD);
const OFFSETS = { slow: -FAR, behind: -400, right: 0, ahead: 150, fast: FAR };
/** A tick may be this early by the store's clock; the rest is for the difference of two readings of the time. */
const EARLIEST = 25 + 5;

type Replicas = Record<keyof typeof OFFSETS, ReplicaProcess>;

describeOnSharedStores(
  'five replicas whose clocks differ by up to a minute, on %s',
  (store) => {
    it(
      'run each tick exactly once, when it is due, and each replica with a wrong clock logs that once',
      () => expectEachTickOnce(async () => {}),
      WATCHED + 4 * HANG,
    );

    it(
      'do so while the replica with the fast clock is killed between two runs',
      () =>
        expectEachTickOnce(async ({ fast }, begin) => {
          await machineTimeIs(begin + (2 / 3) * WATCHED);
          await signalBetweenRuns(fast, 'SIGKILL');
        }),
      WATCHED + 4 * HANG,
    );

    it(
      'do so while a replica is stopped between two runs and continues 5 seconds later',
      () =>
        expectEachTickOnce(async ({ right }, begin) => {
          await machineTimeIs(begin + WATCHED / 6);
          await signalBetweenRuns(right, 'SIGSTOP');
          await machineTimeIs(machineTime() + 5 * SECOND);
          await right.signal('SIGCONT');
        }),
      WATCHED + 4 * HANG,
    );

    async function expectEachTickOnce(
      disturb: (replicas: Replicas, begin: number) => Promise<void>,
    ): Promise<void> {
      const replicas = await startReplicas();
      const all = Object.values(replicas);
      const first = Math.ceil(Date.now() / PERIOD) * PERIOD;
      const last = first + WATCHED;
      await disturb(replicas, machineTime());
      await eventually(() => Date.now() > last, { within: WATCHED + HANG });
      // With that, those before are decided.
      await runThat(all, ({ tick }) => tick > last);
      await eventually(() => !runsOf(all).some(isRunning));

      const ticks = runsOf(all).map(({ tick }) => tick);
      const expected = ticksToRun(all, { job: 'job', period: PERIOD, from: first, to: last });
      expect(expected).not.toEqual([]);
      expect(ticks.filter((tick) => tick >= first && tick <= last)).toEqual(expected);
      expect(ticks).toEqual([...new Set(ticks)]);
      expect(runsOf(all).filter((run) => earliness(run) > EARLIEST)).toEqual([]);
      const aboutItsClock = expect.stringMatching(/^warn: The clock of this replica is/);
      for (const [name, replica] of Object.entries(replicas)) {
        const wrong = name === 'slow' || name === 'fast';
        expect({ name, lines: loudLines(replica) }).toEqual({ name, lines: wrong ? [aboutItsClock] : [] });
      }
    }

    async function startReplicas(): Promise<Replicas> {
      const started = Object.entries(OFFSETS).map(([name, offset]) => {
        const env = { CRON: '*/2 * * * * *', JOB_MS: '0-500', ...faketimeBy(offset) };
        return [name, startApp('tick-replica', store.options, env)] as const;
      });
      const replicas = Object.fromEntries(started) as Replicas;
      for (const [name, offset] of Object.entries(OFFSETS) as [keyof Replicas, number][]) {
        const { wall, at } = await replicas[name].waitFor(event('ready'));
        const off = Number(wall) - wallTime(Number(at));
        if (Math.abs(off - offset) > 100) throw new Error(`The clock of ${name} is off by ${off} ms.`);
      }
      return replicas;
    }
  },
  { skip: !faketimeLibrary() },
);
