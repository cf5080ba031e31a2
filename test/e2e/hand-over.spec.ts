import { logLines, startApp } from '../support/apps.js';
import { machineTime } from '../support/contenders.js';
import { eventually } from '../support/eventually.js';
import { event } from '../support/history.js';
import { isRunning, runsOf, runThat, type JobRun } from '../support/job-runs.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';
import type { ReplicaProcess } from '../support/replica-process.js';

const TTL = 2000;
/** For what a busy machine adds to a TTL. */
const SOON = 1500;

describeOnSharedStores('replicas that wait for one lock again and again, on %s', (store) => {
  let replicas: ReplicaProcess[];

  beforeEach(async () => {
    replicas = Array.from({ length: 4 }, () =>
      startApp('waiter-replica', { ...store.options, ttl: TTL }, { HOLD_MS: '20-40' }),
    );
    await Promise.all(replicas.map((replica) => replica.waitFor(event('started'))));
  });

  it('have it in turns, one at a time', async () => {
    const runs = (await moreRuns(80)).slice(-60);

    expectOneAtATime(runs);
    // Whoever has had it stands behind the three others.
    const outOfTurn = runs
      .slice(3)
      .filter((_, i) => new Set(runs.slice(i, i + 4).map(({ replica }) => replica)).size < 4);
    expect(outOfTurn.length).toBeLessThanOrEqual(6);
    for (const replica of replicas) expect(logLines(replica, 'warn', 'error')).toEqual([]);
  });

  it('go on at once when one of those who wait is killed', async () => {
    const running = await runThat(replicas, isRunning);
    const killed = replicas.find((replica) => replica !== running.replica)!;
    await killed.signal('SIGKILL');
    const killedAt = machineTime();

    const runs = (await moreRuns(30)).filter(({ startedAt }) => startedAt > killedAt);

    const gaps = runs.slice(1).map(({ startedAt }, i) => startedAt - runs[i].startedAt);
    expect(Math.max(...gaps)).toBeLessThan(SOON);
  });

  it('go on within its TTL when the one that has it is killed', async () => {
    const { replica } = await runThat(replicas, isRunning);
    await replica.signal('SIGKILL');
    const killedAt = machineTime();

    const next = await runThat(replicas, ({ startedAt }) => startedAt > killedAt);

    expect(next.startedAt - killedAt).toBeLessThan(TTL + SOON);
  });

  it('leave the line when they are told to end', async () => {
    const [first, ...others] = replicas;
    // By itself: Nest ends a process with the signal that it was sent.
    expect(await first.stop()).toEqual({ code: null, signal: 'SIGTERM' });
    const stoppedAt = machineTime();

    const runs = (await moreRuns(20)).filter(({ startedAt }) => startedAt > stoppedAt);

    expect(new Set(runs.map(({ replica }) => replica))).toEqual(new Set(others));
    const gaps = runs.slice(1).map(({ startedAt }, i) => startedAt - runs[i].startedAt);
    expect(Math.max(...gaps)).toBeLessThan(SOON);
  });

  /** All runs, once there are that many more than now. */
  async function moreRuns(count: number): Promise<JobRun[]> {
    const before = runsOf(replicas).length;
    await eventually(() => runsOf(replicas).length >= before + count, { within: 30_000 });
    return runsOf(replicas);
  }
});

function expectOneAtATime(runs: readonly JobRun[]): void {
  for (const [i, run] of runs.slice(1).entries()) {
    expect(run.fence).toBeGreaterThan(runs[i].fence);
    expect(run.startedAt).toBeGreaterThan(runs[i].finishedAt!);
  }
}
