import { logLines, startApp } from '../support/apps.js';
import { machineTime } from '../support/contenders.js';
import { eventually } from '../support/eventually.js';
import { event } from '../support/history.js';
import { isRunning, machineTimeIs, runsOf, runThat, type JobRun } from '../support/job-runs.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

const SECOND = 1000;
const TTL = 3000;
/** Long enough to be killed in the middle, and to end before the next tick. */
const JOB_MS = 4000;
/** Those that stand by look every 100 ms; the rest is for a busy machine. Less than what is left until the next tick. */
const SOON = 5000;

describeOnSharedStores('a tick whose replica is killed in the middle of it, on %s', (store) => {
  it("is run again by exactly one other replica with onHolderDeath: 'rerun'", async () => {
    const { killed, killedAt, others } = await killInTheMiddle({ ON_HOLDER_DEATH: 'rerun' });
    const again = await runThat(others, ({ tick }) => tick === killed.tick);
    expect(again.startedAt - killedAt).toBeLessThan(TTL + SOON);
    expect(again.fencingToken).toBeGreaterThan(killed.fencingToken);

    const { finishedAt } = await runThat(others, (run) => run.tick === killed.tick && !isRunning(run));
    await machineTimeIs(finishedAt! + SECOND);
    expect(runsOf(others).filter(({ tick }) => tick === killed.tick)).toHaveLength(1);
    for (const replica of others) expect(logLines(replica, 'warn', 'error')).toEqual([]);
  });

  it('is not run again by default', async () => {
    const { killed, killedAt, others } = await killInTheMiddle();
    await machineTimeIs(killedAt + TTL + SECOND);
    expect(runsOf(others).filter(({ tick }) => tick === killed.tick)).toEqual([]);
    for (const replica of others) expect(logLines(replica, 'warn', 'error')).toEqual([]);
  });

  it("is given up with onHolderDeath: 'rerun' after it has killed three replicas, with a warning by one other", async () => {
    const replicas = await start(5, { ON_HOLDER_DEATH: 'rerun', CRON: everySeconds(20) });
    const from = Date.now();
    const to = from + 20 * SECOND;
    for (const replica of replicas) replica.send({ from, to });

    await eventually(() => replicas.some((replica) => logLines(replica, 'warn').length > 0));

    const runs = runsOf(replicas).filter(({ tick }) => tick > from && tick <= to);
    expect(runs).toHaveLength(3);
    const dead = runs.map(({ replica }) => replica);
    const left = replicas.filter((replica) => !dead.includes(replica));
    // Those that are left have found it done by now, or running.
    await machineTimeIs(machineTime() + TTL + SOON);
    const warnings = left.flatMap((replica) => logLines(replica, 'warn', 'error'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`tick ${new Date(runs[0].tick).toISOString()} of job was given up`);
    expect(warnings[0]).toContain('"job"');
    expect(new Set(runs.map(({ tick }) => tick)).size).toBe(1);
    expect(runs.filter(({ replica }) => left.includes(replica))).toEqual([]);
  });

  async function killInTheMiddle(env: Record<string, string> = {}) {
    const replicas = await start(3, { CRON: everySeconds(20), JOB_MS: String(JOB_MS), ...env });
    const ready = Date.now();
    const killed: JobRun = await runThat(replicas, (run) => run.tick > ready);
    const killedAt = machineTime();
    await killed.replica.signal('SIGKILL');
    await killed.replica.exit;
    expect(killed.replica.events.filter(event('finished', { fencingToken: killed.fencingToken }))).toEqual(
      [],
    );
    return { killed, killedAt, others: replicas.filter((replica) => replica !== killed.replica) };
  }

  async function start(count: number, env: Record<string, string>) {
    const replicas = Array.from({ length: count }, () =>
      startApp('tick-replica', { ...store.options, ttl: TTL }, env),
    );
    await Promise.all(replicas.map((replica) => replica.waitFor(event('ready'))));
    return replicas;
  }
});

/** So rarely that no tick comes while another is run, and so that the first is not long to wait for. */
function everySeconds(period: number): string {
  const soon = Math.floor(Date.now() / SECOND + 5) % period;
  return `${soon}-59/${period} * * * * *`;
}
