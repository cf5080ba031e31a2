import { logLines, startApp } from '../support/apps.js';
import { machineTime } from '../support/contenders.js';
import { eventually } from '../support/eventually.js';
import { HANG } from '../support/hang.js';
import { event } from '../support/history.js';
import { isRunning, runsOf, runThat, type JobRun } from '../support/job-runs.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';
import type { ReplicaProcess } from '../support/replica-process.js';

const TTL = 3000;
/** So long that nobody who waits for its end is soon. */
const LONG = 2 * HANG;
/** For what a busy machine adds. Less than the five seconds for which a turn is kept for one who does not take it. */
const SOON = 4000;

describeOnSharedStores('replicas that repeatedly wait for one lock, on %s', (store) => {
  let replicas: ReplicaProcess[];

  async function start(ttl: number, holdMs = '20-40'): Promise<void> {
    replicas = Array.from({ length: 4 }, () =>
      startApp('waiter-replica', { ...store.options, ttl }, { HOLD_MS: holdMs }),
    );
    await Promise.all(replicas.map((replica) => replica.waitFor(event('started'))));
  }

  it('hold it in turn, one at a time', async () => {
    await start(LONG);
    const runs = (await moreRuns(80)).slice(-60);

    expectOneAtATime(runs);
    // Whoever has had it stands behind the three others.
    const outOfTurn = runs
      .slice(3)
      .filter((_, i) => new Set(runs.slice(i, i + 4).map(({ replica }) => replica)).size < 4);
    expect(outOfTurn.length).toBeLessThanOrEqual(6);
    for (const replica of replicas) expect(logLines(replica, 'warn', 'error')).toEqual([]);
  });

  it('go on at once when a waiter is killed', async () => {
    await start(LONG, '400-500');
    await moreRuns(4);
    const running = await runThat(replicas, isRunning);
    // Whoever has had it last stands behind all others.
    const killed = runsOf(replicas).findLast(({ replica }) => replica !== running.replica)!.replica;
    await killed.signal('SIGKILL');
    const killedAt = machineTime();

    const runs = (await moreRuns(8)).filter(({ startedAt }) => startedAt > killedAt);

    const gaps = runs.slice(1).map(({ startedAt }, i) => startedAt - runs[i].startedAt);
    expect(Math.max(...gaps)).toBeLessThan(SOON + store.shortestTtl);
  });

  it('go on within the TTL when the holder is killed', async () => {
    await start(TTL);
    const { replica } = await runThat(replicas, isRunning);
    await replica.signal('SIGKILL');
    const killedAt = machineTime();

    const next = await runThat(replicas, ({ startedAt }) => startedAt > killedAt);

    expect(next.startedAt - killedAt).toBeLessThan(TTL + SOON);
  });

  it('leave the queue when they are told to end', async () => {
    await start(LONG);
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
    await eventually(() => runsOf(replicas).length >= before + count);
    return runsOf(replicas);
  }
});

function expectOneAtATime(runs: readonly JobRun[]): void {
  for (const [i, run] of runs.slice(1).entries()) {
    expect(run.fencingToken).toBeGreaterThan(runs[i].fencingToken);
    expect(run.startedAt).toBeGreaterThan(runs[i].finishedAt!);
  }
}
