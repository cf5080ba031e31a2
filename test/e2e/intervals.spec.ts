import { setTimeout as sleep } from 'node:timers/promises';
import { SCRIPTS } from '../../lib/stores/redis/scripts.js';
import { logLines, startApp } from '../support/apps.js';
import { machineTime } from '../support/contenders.js';
import { eventually } from '../support/eventually.js';
import { HANG } from '../support/hang.js';
import { event } from '../support/history.js';
import { grantedAt, runsOf, runThat, wallTime, type JobRun } from '../support/job-runs.js';
import { ReplicaProcess, type ReplicaEvent } from '../support/replica-process.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const SECOND = 1000;
/** By how much the clock of the store may be ahead of the machine's. */
const CLOCKS = 50;
/** How many runs the test watches. Half a minute: `INTERVAL_RUNS=30`. */
const WATCHED = Number(process.env['INTERVAL_RUNS'] ?? 10);

describeOnSharedStores('an @Interval of a second on %s', (store) => {
  it(
    'runs once a second over four replicas in different phases, and goes on when the replica that runs it is killed',
    async () => {
      const replicas = await startInPhases();
      await eventually(() => runsOf(replicas).length > WATCHED, { within: WATCHED * SECOND + HANG });

      const last = await nextFinished(replicas);
      // Killed before that, it would hold the lock for its whole TTL.
      await last.replica.waitFor(event('released', { fencingToken: last.fencingToken }));
      await last.replica.signal('SIGKILL');
      const before = runsOf(replicas).length;
      await eventually(() => runsOf(replicas).length >= before + 5);

      const grants = runsOf(replicas).map(grantedAt);
      expect(Math.min(...grants.slice(1).map((grant, i) => grant - grants[i]))).toBeGreaterThan(900);
      expect(skippedWithoutReason(replicas, grants)).toEqual([]);
      for (const replica of replicas) expect(logLines(replica, 'warn', 'error')).toEqual([]);
    },
    WATCHED * SECOND + 4 * HANG,
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

describe('an @Interval of two seconds with one slow request to Redis', () => {
  it('still runs in the next period, although less than a period lies between the two requests at the store', async () => {
    const server = await RedisServer.start();
    // So that the first call is one round trip, too.
    for (const { lua } of Object.values(SCRIPTS)) await server.client().script('LOAD', lua);
    const proxy = await TcpProxy.start(server.port);
    try {
      const env = { PERIOD_MS: String(2 * SECOND) };
      const replica = startApp('interval-replica', { redis: `redis://127.0.0.1:${proxy.port}` }, env);
      await replica.waitFor(event('ready'));
      // A busy machine may take long for the second request, too.
      await eventually(async () => {
        const before = runsOf([replica]).length;
        proxy.delay('toServer', 40);
        const first = await nthRun(replica, before + 1);
        proxy.delay('toServer', 0);
        const next = await nthRun(replica, before + 2);
        expect(grantedAt(next) - grantedAt(first)).toBeLessThan(2 * SECOND);
      });
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

function nthRun(replica: ReplicaProcess, n: number): Promise<JobRun> {
  return eventually(() => runsOf([replica])[n - 1] ?? false);
}

/** What was skipped as done although no grant was within a period before it was asked for. */
function skippedWithoutReason(
  replicas: readonly ReplicaProcess[],
  grants: readonly number[],
): ReplicaEvent[] {
  return replicas
    .flatMap(({ events }) => events.filter(event('skipped', { reason: 'done' })))
    .filter(({ at, waited }) => {
      const asked = wallTime(Number(at) - Number(waited));
      return !grants.some((grant) => grant > asked - SECOND && grant <= wallTime(Number(at)) + CLOCKS);
    });
}
