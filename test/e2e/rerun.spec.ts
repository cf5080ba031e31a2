import { logLines, startApp } from '../support/apps.js';
import { machineTime } from '../support/contenders.js';
import { event } from '../support/history.js';
import { isRunning, machineTimeIs, runsOf, runThat, type JobRun } from '../support/job-runs.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

const SECOND = 1000;
const TTL = 1000;
const JOB_MS = 1500;
/** Those that stand by look every 100 ms; the rest is for a busy machine. */
const SOON = 1000;

describeOnSharedStores('a tick whose replica is killed in the middle of it, on %s', (store) => {
  it("is run again by exactly one other with onHolderDeath: 'rerun'", async () => {
    const { killed, killedAt, others } = await killInTheMiddle({ ON_HOLDER_DEATH: 'rerun' });
    const again = await runThat(others, ({ tick }) => tick === killed.tick);
    expect(again.startedAt - killedAt).toBeLessThan(TTL + SOON);
    expect(again.fence).toBeGreaterThan(killed.fence);

    const { finishedAt } = await runThat(others, (run) => run.tick === killed.tick && !isRunning(run));
    await machineTimeIs(finishedAt! + SOON);
    expect(runsOf(others).filter(({ tick }) => tick === killed.tick)).toHaveLength(1);
    for (const replica of others) expect(logLines(replica, 'warn', 'error')).toEqual([]);
  });

  it('is not run again by default', async () => {
    const { killed, killedAt, others } = await killInTheMiddle();
    await machineTimeIs(killedAt + TTL + 2 * SOON);
    expect(runsOf(others).filter(({ tick }) => tick === killed.tick)).toEqual([]);
    for (const replica of others) expect(logLines(replica, 'warn', 'error')).toEqual([]);
  });

  async function killInTheMiddle(env: Record<string, string> = {}) {
    const replicas = Array.from({ length: 3 }, () =>
      startApp(
        'tick-replica',
        { ...store.options, ttl: TTL },
        { CRON: everyTenSeconds(), JOB_MS: String(JOB_MS), ...env },
      ),
    );
    await Promise.all(replicas.map((replica) => replica.waitFor(event('ready'))));
    const ready = Date.now();
    const killed: JobRun = await runThat(replicas, (run) => run.tick > ready);
    await machineTimeIs(killed.startedAt + JOB_MS / 2);
    const killedAt = machineTime();
    await killed.replica.signal('SIGKILL');
    await killed.replica.exit;
    expect(killed.replica.events.filter(event('finished', { fence: killed.fence }))).toEqual([]);
    return { killed, killedAt, others: replicas.filter((replica) => replica !== killed.replica) };
  }
});

/** So rarely that no tick comes while another is run, and so that the first is not long to wait for. */
function everyTenSeconds(): string {
  const soon = Math.floor(Date.now() / SECOND + 3) % 10;
  return `${soon}-59/10 * * * * *`;
}
