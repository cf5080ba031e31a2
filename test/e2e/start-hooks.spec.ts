import type { ExclusiveLockModuleOptions } from '../../lib/index.js';
import { startApp } from '../support/apps.js';
import { machineTime } from '../support/contenders.js';
import { HANG } from '../support/hang.js';
import { event } from '../support/history.js';
import { isRunning, machineTimeIs, runsOf, runThat } from '../support/job-runs.js';
import { ReplicaProcess } from '../support/replica-process.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

const SECOND = 1000;
const SEED_MS = 2 * SECOND;
const TTL = 3000;
/** Those that wait look every 100 ms; the rest is for a busy machine. Half of the default TTL: nobody waits for that. */
const SOON = 5000;
/** Until it is killed. */
const ENDLESS = 2 * HANG;

describeOnSharedStores('an @Exclusive onModuleInit on %s', (store) => {
  it('runs once when five replicas start together, and the others are ready as soon as it is done', async () => {
    const replicas = start(5);
    await allReady(replicas);

    const runs = runsOf(replicas);
    expect(runs).toHaveLength(1);
    expectUpSoonAfter(runs[0].finishedAt, replicas);
  });

  it('is run again when its replica is killed in the middle, and the others wait for that', async () => {
    // The local store knows at once that a holder is dead: there the default TTL is no hindrance.
    const options = store.freesAtOnce ? {} : { ttl: TTL };
    const [killed] = start(1, options, { SEED_MS: String(ENDLESS) });
    await killed.waitFor(event('started'));
    const others = start(4, options);
    await Promise.all(others.map((replica) => replica.waitFor(event('constructed'))));
    const killedAt = machineTime();
    await killed.signal('SIGKILL');
    await allReady(others);

    const runs = runsOf(others);
    expect(runs).toHaveLength(1);
    expect(runs[0].startedAt - killedAt).toBeLessThan(TTL + SOON);
    expectUpSoonAfter(runs[0].finishedAt, others);
  });

  it('is not run again by replicas that start a little later', async () => {
    const early = start(3);
    const { startedAt } = await runThat(early, isRunning);
    await allReady(early);
    await machineTimeIs(startedAt + 3 * SECOND);
    const late = start(2);
    await allReady(late);

    expect(runsOf([...early, ...late])).toHaveLength(1);
    expectUpSoonAfter(runsOf(early)[0].finishedAt, late);
  });

  it('that fails keeps its replica from starting, and is run by another replica', async () => {
    const [failing] = start(1, {}, { SEED_FAILS: 'yes' });
    await failing.waitFor(event('started'));
    const others = start(4);
    await allReady(others);

    expect(await failing.exit).toEqual({ code: 1, signal: null });
    expect(failing.events.at(-1)).toMatchObject({ event: 'refused', message: 'the seed is rotten' });
    const runs = runsOf(others);
    expect(runs).toHaveLength(1);
    expect(runs[0].startedAt).toBeGreaterThan(Number(failing.events.at(-2)?.['at']));
    expectUpSoonAfter(runs[0].finishedAt, others);
  });

  it('is run once for each version', async () => {
    expect(await runsWith('1.0')).toBe(1);
    expect(await runsWith('1.1')).toBe(1);
    expect(await runsWith('1.0')).toBe(0);
  });

  async function runsWith(version: string): Promise<number> {
    const replicas = start(2, { version }, { SEED_MS: '200' });
    await allReady(replicas);
    return runsOf(replicas).length;
  }

  function start(
    count: number,
    options: ExclusiveLockModuleOptions = {},
    env: Record<string, string> = {},
  ): ReplicaProcess[] {
    const all = { ...store.options, ...options } as ExclusiveLockModuleOptions;
    return Array.from({ length: count }, () =>
      startApp('start-hook-replica', all, { SEED_MS: String(SEED_MS), ...env }),
    );
  }
});

async function allReady(replicas: readonly ReplicaProcess[]): Promise<void> {
  await Promise.all(replicas.map((replica) => replica.waitFor(event('ready'))));
}

/** Nobody was up before the run was finished, and nobody who waited for it was up much later. */
function expectUpSoonAfter(finishedAt: number | undefined, replicas: readonly ReplicaProcess[]): void {
  expect(finishedAt).toBeDefined();
  for (const { events } of replicas) {
    const at = (name: string): number => Number(events.find(event(name))?.['at']);
    expect(at('ready')).toBeGreaterThan(finishedAt!);
    // One that was slow to boot had not begun to wait.
    expect(at('ready') - Math.max(finishedAt!, at('constructed'))).toBeLessThan(SOON);
  }
}
