import { setTimeout as sleep } from 'node:timers/promises';
import { logLines, startApp } from '../support/apps.js';
import { machineTime } from '../support/contenders.js';
import { event } from '../support/history.js';
import { machineTimeIs, runsOf, runThat, type JobRun } from '../support/job-runs.js';
import { ReplicaProcess } from '../support/replica-process.js';
import { SHARED_STORES, type SharedStore } from '../support/stores.js';

const SECOND = 1000;
/** How many seconds the test counts runs. Half a minute: `INTERVAL_SECONDS=30`. */
const COUNTED = Number(process.env['INTERVAL_SECONDS'] ?? 10);

describe.each(SHARED_STORES)('an @Interval of a second on %s', (_name, makeStore) => {
  let store: SharedStore;

  beforeEach(() => {
    store = makeStore();
  });

  afterEach(async () => {
    await ReplicaProcess.killAll();
    await store.remove();
  });

  it(
    'runs once a second over four replicas in different phases, and goes on when the one that runs it is killed',
    async () => {
      const replicas = await startInPhases();
      const begin = machineTime();
      await machineTimeIs(begin + COUNTED * SECOND);
      const counted = runsOf(replicas).filter(
        ({ startedAt }) => startedAt >= begin && startedAt < begin + COUNTED * SECOND,
      );
      expect(counted.length).toBeGreaterThanOrEqual(COUNTED - 1);
      expect(counted.length).toBeLessThanOrEqual(COUNTED + 1);

      const last = await nextFinished(replicas);
      await last.replica.signal('SIGKILL');
      await machineTimeIs(last.startedAt + 5 * SECOND);
      const gaps = gapsOf(runsOf(replicas), begin, machineTime());
      expect(Math.min(...gaps.between)).toBeGreaterThan(900);
      expect(Math.max(...gaps.between, gaps.untilNow)).toBeLessThan(2100);
      for (const replica of replicas) expect(logLines(replica, 'warn', 'error')).toEqual([]);
    },
    (COUNTED + 60) * SECOND,
  );

  async function startInPhases(): Promise<ReplicaProcess[]> {
    const replicas: ReplicaProcess[] = [];
    for (const delay of [0, 250, 250, 250]) {
      await sleep(delay);
      replicas.push(startApp('interval-replica', store.options, { JOB_MS: '50' }));
    }
    await Promise.all(replicas.map((replica) => replica.waitFor(event('ready'))));
    await runThat(replicas, () => true);
    return replicas;
  }
});

/** The first run that begins from now on, when it has come to its end. */
function nextFinished(replicas: readonly ReplicaProcess[]): Promise<JobRun> {
  const now = machineTime();
  return runThat(replicas, ({ startedAt, finishedAt }) => startedAt > now && finishedAt !== undefined);
}

/** Milliseconds from each start to the next, and from the last until now. */
function gapsOf(
  runs: readonly JobRun[],
  begin: number,
  now: number,
): { between: number[]; untilNow: number } {
  const starts = runs.map(({ startedAt }) => startedAt).filter((startedAt) => startedAt >= begin);
  return {
    between: starts.slice(1).map((start, i) => start - starts[i]),
    untilNow: now - starts.at(-1)!,
  };
}
