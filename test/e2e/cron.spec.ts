import { setTimeout as sleep } from 'node:timers/promises';
import { logLines, startApp } from '../support/apps.js';
import { eventually } from '../support/eventually.js';
import { ReplicaProcess, type ReplicaEvent } from '../support/replica-process.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

const SECOND = 1000;

describeOnSharedStores('an every-second job on %s', (store) => {
  /** Three replicas that start 0, 50 and 120 ms apart. */
  async function startReplicas(env: Record<string, string>): Promise<ReplicaProcess[]> {
    const replicas: ReplicaProcess[] = [];
    for (const delay of [0, 50, 70]) {
      await sleep(delay);
      replicas.push(startApp('cron-replica', store.options, env));
    }
    await Promise.all(replicas.map((replica) => replica.waitFor(({ event }) => event === 'ready')));
    return replicas;
  }

  it('runs each of 20 ticks exactly once, with the decorator above and below @Cron', async () => {
    const replicas = await startReplicas({ JOB_MS: '1' });
    const first = Math.ceil(Date.now() / SECOND) * SECOND;
    const expected = Array.from({ length: 20 }, (_, i) => first + i * SECOND);
    const last = expected.at(-1)!;
    await eventually(() => Date.now() > last + SECOND / 2, { within: 25_000, every: 100 });
    await Promise.all(replicas.map((replica) => replica.stop()));

    for (const job of ['above', 'below']) {
      const ticks = ticksOf(replicas, job).filter((tick) => tick >= first && tick <= last);
      expect(ticks.toSorted((a, b) => a - b)).toEqual(expected);
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
    const replicas = await startReplicas({ JOB_MS: '1' });
    const first = Math.ceil(Date.now() / SECOND) * SECOND;
    const victim = replicas.shift()!;
    await Promise.race(
      [victim, ...replicas].map((replica) => replica.waitFor(finishedSince(first + 2 * SECOND))),
    );
    await eventually(() => Date.now() % SECOND > 400 && Date.now() % SECOND < 600, { every: 20 });
    await victim.signal('SIGKILL');
    const last = first + 6 * SECOND;
    await eventually(() => Date.now() > last + SECOND / 2, { within: 15_000, every: 100 });

    const ticks = ticksOf([victim, ...replicas], 'below').filter((tick) => tick >= first && tick <= last);
    expect(ticks.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 7 }, (_, i) => first + i * SECOND));
  });
});

const runs = (replicas: readonly ReplicaProcess[], job: string) =>
  replicas.flatMap(({ events }) => events.filter((e) => e.event === 'started' && e['job'] === job));

const ticksOf = (replicas: readonly ReplicaProcess[], job: string) =>
  runs(replicas, job).map((run) => Number(run['tick']));

const finishedSince = (tick: number) => (e: ReplicaEvent) =>
  e.event === 'finished' && Number(e['tick']) >= tick;
