import { startApp } from '../support/apps.js';
import { acquire, expectCleanExit, LOCK, SOON, startContenders, TTL } from '../support/contenders.js';
import { HANG } from '../support/hang.js';
import { event, expectExclusion } from '../support/history.js';
import { ticksToRun } from '../support/job-runs.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

const SECOND = 1000;
/** A lock that another has before this is over was handed over. */
const LONG = 2 * HANG;

describeOnSharedStores('a replica that is told to end, on %s', (store) => {
  it('finishes its work, keeps the lock until then, hands it over, and exits by itself', async () => {
    const [leaving, other] = await startContenders(2, { ...store.options, ttl: LONG, drainTimeout: HANG });
    leaving.send({ do: 'run', name: LOCK, ms: TTL });
    await leaving.waitFor(event('acquired'));
    const exit = expectCleanExit(leaving);
    const next = await acquire(other);
    const worked = await leaving.waitFor(event('worked'));
    expect(Number(next['at'])).toBeGreaterThan(Number(worked['at']));
    expect(Number(next['at']) - Number(worked['at'])).toBeLessThan(SOON);
    expect(await leaving.waitFor(event('outcome'))).toMatchObject({ status: 'ran' });
    await exit;
    expectExclusion([leaving, other]);
  });

  it('grants no new locks', async () => {
    const [leaving] = await startContenders(1, { ...store.options, drainTimeout: HANG });
    // Long enough to ask for another meanwhile.
    leaving.send({ do: 'run', name: LOCK, ms: 2 * TTL });
    await leaving.waitFor(event('acquired'));
    const exit = expectCleanExit(leaving);
    await leaving.waitFor(event('closing'));
    leaving.send({ do: 'acquire', name: 'another' });
    expect(await leaving.waitFor(event('failed'))).toMatchObject({ code: 'LOCK_SHUTTING_DOWN' });
    await exit;
  });

  it('aborts the signal of work that outlasts drainTimeout, and keeps its lock while the work runs', async () => {
    const [leaving, other] = await startContenders(2, { ...store.options, drainTimeout: 300 });
    leaving.send({ do: 'run', name: LOCK, ms: 900 });
    await leaving.waitFor(event('acquired'));
    const exit = leaving.stop();
    expect(await leaving.waitFor(event('aborted'))).toMatchObject({ code: 'LOCK_SHUTTING_DOWN' });
    const next = await acquire(other);
    expect(Number(next['at'])).toBeGreaterThan(Number((await leaving.waitFor(event('worked')))['at']));
    expect(await exit).toMatchObject({ code: 0 });
  });

  it('in the middle of a cron job of 2 s finishes the job, and another replica runs the next tick', async () => {
    const options = { ...store.options, ttl: TTL };
    const replicas = [0, 1].map(() => startApp('cron-replica', options, { JOB_MS: '2000' }));
    const first = await Promise.race(
      replicas.map((replica) => replica.waitFor(event('started', { job: 'below' }))),
    );
    const leaving = replicas.find(({ events }) => events.includes(first))!;
    const other = replicas.find((replica) => replica !== leaving)!;
    const exit = leaving.stop();

    const finished = await leaving.waitFor(event('finished', { job: 'below' }));
    const next = await other.waitFor(
      (e) => event('started', { job: 'below' })(e) && Number(e['at']) > Number(finished['at']),
    );
    const [from, to] = [Number(first['tick']) + SECOND, Number(next['tick'])];
    // The first one that did not find the lock held.
    expect(ticksToRun([other], { job: 'below', period: SECOND, from, to })).toEqual([to]);
    // Nest sends itself the signal again when its hooks are done.
    expect(await exit).toMatchObject({ signal: 'SIGTERM' });
  });
});
