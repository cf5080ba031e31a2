import { setTimeout as sleep } from 'node:timers/promises';
import { SCRIPTS } from '../../lib/stores/redis/scripts.js';
import { logLines, startApp } from '../support/apps.js';
import { machineTime } from '../support/contenders.js';
import { event } from '../support/history.js';
import { machineTimeIs, runsOf, runThat, type JobRun } from '../support/job-runs.js';
import { ReplicaProcess } from '../support/replica-process.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const SECOND = 1000;
/** How many seconds the test counts runs. Half a minute: `INTERVAL_SECONDS=30`. */
const COUNTED = Number(process.env['INTERVAL_SECONDS'] ?? 10);

describeOnSharedStores('an @Interval of a second on %s', (store) => {
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
      // Killed before that, it would hold the lock for its whole TTL.
      await last.replica.waitFor(event('released', { fence: last.fence }));
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

describe('an @Interval of two seconds whose requests to Redis take longer once', () => {
  it('runs in the next period all the same, though the store sees less than a period between them', async () => {
    const server = await RedisServer.start();
    // So that the first call is one round trip, too.
    for (const { lua } of Object.values(SCRIPTS)) await server.client().script('LOAD', lua);
    const proxy = await TcpProxy.start(server.port);
    try {
      const env = { PERIOD_MS: String(2 * SECOND) };
      const replica = startApp('interval-replica', { redis: `redis://127.0.0.1:${proxy.port}` }, env);
      await replica.waitFor(event('ready'));
      proxy.delay('toServer', 40);
      const first = await runThat([replica], () => true);
      proxy.delay('toServer', 0);
      const next = await runThat([replica], ({ fence }) => fence > first.fence);
      expect(next.startedAt - first.startedAt).toBeLessThan(3 * SECOND);
    } finally {
      await ReplicaProcess.killAll();
      await TcpProxy.closeAll();
      await RedisServer.closeAll();
    }
  });
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
