import { setTimeout as sleep } from 'node:timers/promises';
import { logLines, startApp } from '../support/apps.js';
import { machineTime } from '../support/contenders.js';
import { eventually } from '../support/eventually.js';
import { event } from '../support/history.js';
import { runsOf, runThat, type JobRun } from '../support/job-runs.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { ReplicaProcess } from '../support/replica-process.js';

const SECOND = 1000;
const PERIOD = 10 * SECOND;
const AWAY = 3 * SECOND;

afterEach(async () => {
  await ReplicaProcess.killAll();
  await RedisServer.closeAll();
});

describe('a job of three replicas whose Redis is down for 3 s around a tick', () => {
  it('runs that tick once, as soon as Redis is back, in five trials of five', async () => {
    const server = await RedisServer.start({ appendonly: true, args: ['--appendfsync', 'always'] });
    const replicas = await startReplicas(server.url);
    const late: JobRun[] = [];

    for (const how of ['kill', 'stop', 'kill', 'stop', 'kill'] as const) {
      const tick = Math.ceil((Date.now() + AWAY) / PERIOD) * PERIOD;
      await sleep(tick - AWAY / 2 - Date.now());
      await server[how]();
      await sleep(tick + AWAY / 2 - Date.now());
      const backFrom = machineTime();
      await server.restart();
      const run = await runThat(replicas, (each) => each.tick === tick);
      // In quiet less than a second; the rest is for a busy machine. Before the next tick in any case.
      expect(run.startedAt - backFrom).toBeLessThan(PERIOD - AWAY);
      late.push(run);
      if (process.env['TELL_LATENESS']) console.log(how, Math.round(run.startedAt - backFrom), 'ms after');
    }

    await eventually(() => runsOf(replicas).every(({ finishedAt }) => finishedAt !== undefined));
    const ticks = runsOf(replicas).map(({ tick }) => tick);
    expect(ticks).toEqual([...new Set(ticks)]);
    expect(ticks.filter((tick) => late.some((run) => run.tick === tick))).toHaveLength(5);
    for (const replica of replicas) expect(logLines(replica, 'warn')).toEqual([]);
    const told = replicas
      .flatMap((replica) => logLines(replica, 'log'))
      .filter((line) => line.includes(' s late: '));
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(5);
  });
});

async function startReplicas(redis: string): Promise<ReplicaProcess[]> {
  const replicas = Array.from({ length: 3 }, () =>
    startApp('tick-replica', { redis }, { CRON: '*/10 * * * * *', JOB_MS: '1' }),
  );
  await Promise.all(replicas.map((replica) => replica.waitFor(event('ready'))));
  return replicas;
}
