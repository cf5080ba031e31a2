import { setTimeout as sleep } from 'node:timers/promises';
import { logLines, startApp } from '../support/apps.js';
import { eventually } from '../support/eventually.js';
import { event } from '../support/history.js';
import { firedTicks, signalBetweenRuns } from '../support/job-runs.js';
import { ReplicaProcess } from '../support/replica-process.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

const SECOND = 1000;
const JOBS = ['above', 'below'];

describeOnSharedStores('an every-second job on %s', (store) => {
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
    const since = Date.now();
    for (const job of JOBS) await passed(replicas, job, since, 20);
    await Promise.all(replicas.map((replica) => replica.stop()));

    for (const job of JOBS) {
      expectEachOnce(replicas, job, since, 20);
      const fences = runs(replicas, job)
        .toSorted((a, b) => Number(a['tick']) - Number(b['tick']))
        .map((run) => Number(run['fence']));
      expect(fences).toEqual([...new Set(fences)].toSorted((a, b) => a - b));
    }
    for (const replica of replicas) expect(logLines(replica, 'warn', 'error')).toEqual([]);
    const levels = replicas.flatMap(({ events }) =>
      events.filter(({ message }) => String(message).includes('skipped')),
    );
    expect(levels.length).toBeGreaterThan(0);
    expect(levels.every(({ level }) => level === 'debug')).toBe(true);
  });

  it('goes on without missing a tick or running one twice when a replica is killed between two runs', async () => {
    const replicas = await startReplicas();
    const since = Date.now();
    await passed(replicas, 'below', since, 2);
    await signalBetweenRuns(replicas[0], 'SIGKILL');
    await passed(replicas, 'below', Date.now(), 4);

    expectEachOnce(replicas, 'below', since, 6);
  });
});

const runs = (replicas: readonly ReplicaProcess[], job: string) =>
  replicas.flatMap(({ events }) => events.filter(event('started', { job })));

/** That many ticks that cron has fired since then. */
const firedSince = (replicas: readonly ReplicaProcess[], job: string, since: number, count: number) =>
  firedTicks(replicas, { job, since, period: SECOND }).slice(0, count);

/** Resolves when cron has fired that many ticks, and a later one has been run: they have all been decided. */
async function passed(
  replicas: readonly ReplicaProcess[],
  job: string,
  since: number,
  count: number,
): Promise<void> {
  await eventually(() => {
    const ticks = firedSince(replicas, job, since, count);
    return ticks.length === count && runs(replicas, job).some(({ tick }) => Number(tick) > ticks.at(-1)!);
  });
}

function expectEachOnce(
  replicas: readonly ReplicaProcess[],
  job: string,
  since: number,
  count: number,
): void {
  const expected = firedSince(replicas, job, since, count);
  const ticks = runs(replicas, job)
    .map(({ tick }) => Number(tick))
    .filter((tick) => tick >= since && tick <= expected.at(-1)!);
  expect(ticks.toSorted((a, b) => a - b)).toEqual(expected);
}
