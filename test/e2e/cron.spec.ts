import { setTimeout as sleep } from 'node:timers/promises';
import { logLines, startApp } from '../support/apps.js';
import { event } from '../support/history.js';
import { runsOf, runThat, signalBetweenRuns, ticksToRun, type JobRun } from '../support/job-runs.js';
import { ReplicaProcess } from '../support/replica-process.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

const SECOND = 1000;
const JOBS = ['above', 'below'];

describeOnSharedStores(
  'an every-second job on %s',
  (store) => {
    /** Three replicas that start 0, 50 and 120 ms apart. */
    async function startReplicas(): Promise<ReplicaProcess[]> {
      const replicas: ReplicaProcess[] = [];
      for (const delay of [0, 50, 70]) {
        await sleep(delay);
        replicas.push(startApp('cron-replica', store.options, { JOB_MS: '1' }));
      }
      await Promise.all(replicas.map((replica) => replica.waitFor(event('ready'))));
      return replicas;
    }

    it('runs each of 20 ticks exactly once, with the decorator above and below @Cron', async () => {
      const replicas = await startReplicas();
      const from = nextSecond();
      const to = from + 19 * SECOND;
      await pass(to, replicas);
      await Promise.all(replicas.map((replica) => replica.stop()));

      for (const job of JOBS) {
        expectEachOnce(replicas, job, from, to);
        const fencingTokens = runs(replicas, job)
          .toSorted((a, b) => a.tick - b.tick)
          .map(({ fencingToken }) => fencingToken);
        expect(fencingTokens).toEqual([...new Set(fencingTokens)].toSorted((a, b) => a - b));
      }
      for (const replica of replicas) expect(logLines(replica, 'warn', 'error')).toEqual([]);
      const levels = replicas.flatMap(({ events }) =>
        events.filter(({ message }) => String(message).includes('skipped')),
      );
      expect(levels.length).toBeGreaterThan(0);
      expect(levels.every(({ level }) => level === 'debug')).toBe(true);
    });

    it('neither misses nor repeats a tick when a replica is killed between two runs', async () => {
      const replicas = await startReplicas();
      const from = nextSecond();
      await pass(from + SECOND, replicas);
      await signalBetweenRuns(replicas[0], 'SIGKILL');
      const to = nextSecond() + 3 * SECOND;
      await pass(to, replicas);

      for (const job of JOBS) expectEachOnce(replicas, job, from, to);
    });
  },
  { alsoInTheGate: ['postgres'] },
);

const nextSecond = (): number => Math.ceil(Date.now() / SECOND) * SECOND;

const runs = (replicas: readonly ReplicaProcess[], wanted: string): JobRun[] =>
  runsOf(replicas).filter(({ job }) => job === wanted);

/** Until a later tick has been run: this one and those before it are decided. */
async function pass(to: number, replicas: readonly ReplicaProcess[]): Promise<void> {
  for (const wanted of JOBS) await runThat(replicas, ({ job, tick }) => job === wanted && tick > to);
}

function expectEachOnce(replicas: readonly ReplicaProcess[], job: string, from: number, to: number): void {
  const ticks = runs(replicas, job)
    .map(({ tick }) => tick)
    .filter((tick) => tick >= from && tick <= to);
  expect(ticks).not.toEqual([]);
  expect(ticks.toSorted((a, b) => a - b)).toEqual(ticksToRun(replicas, { job, period: SECOND, from, to }));
}
