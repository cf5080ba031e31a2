import { logLines, startApp } from '../support/apps.js';
import { eventually } from '../support/eventually.js';
import { event } from '../support/history.js';
import { isRunning, runsOf, runThat } from '../support/job-runs.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';
import type { ReplicaProcess } from '../support/replica-process.js';

const SECOND = 1000;
/** Far enough apart for replicas to start in between, on a busy machine as well. */
const PERIOD = 20 * SECOND;

describeOnSharedStores('a tick that is due while all replicas are dead, on %s', (store) => {
  it('is run late, by one of those that start after it, and the next one on time', async () => {
    const { missed, back } = await missOne();

    const late = await runThat(back, ({ tick }) => tick === missed);
    await runThat(back, (run) => run.tick === missed + PERIOD && !isRunning(run));

    expect(runsOf(back).map(({ tick }) => tick)).toEqual([missed, missed + PERIOD]);
    expect(told(late.replica, missed)).toMatchObject({ missed: true });
    for (const replica of back) expect(logLines(replica, 'warn', 'error')).toEqual([]);
  });

  /** Three replicas run a tick and are killed; three others start a second after the next one. */
  async function missOne() {
    const env = { CRON: everySeconds(PERIOD / SECOND), MISSED: '{"within":"1m"}' };
    const first = await start(env);
    const ready = Date.now();
    const ran = await runThat(first, (run) => run.tick > ready && !isRunning(run));
    for (const replica of first) await replica.signal('SIGKILL');
    await Promise.all(first.map(({ exit }) => exit));
    const missed = ran.tick + PERIOD;
    await eventually(() => Date.now() > missed + SECOND);
    return { missed, back: await start(env) };
  }

  async function start(env: Record<string, string>): Promise<ReplicaProcess[]> {
    // A killed holder keeps no tick of the test busy.
    const options = { ...store.options, ttl: 3 * SECOND };
    const replicas = Array.from({ length: 3 }, () => startApp('tick-replica', options, env));
    await Promise.all(replicas.map((replica) => replica.waitFor(event('ready'))));
    return replicas;
  }
});

const told = (replica: ReplicaProcess, tick: number) => replica.events.find(event('started', { tick }));

/** So that the first is not long to wait for. */
function everySeconds(period: number): string {
  const soon = Math.floor(Date.now() / SECOND + 5) % period;
  return `${soon}-59/${period} * * * * *`;
}
