import { startApp } from '../support/apps.js';
import { faketimeBy, faketimeLibrary } from '../support/faketime.js';
import { event } from '../support/history.js';
import { runThat, wallTime } from '../support/job-runs.js';
import { ReplicaProcess } from '../support/replica-process.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

const SECOND = 1000;
/** Between two ticks of the job. */
const PERIOD = 60 * SECOND;
/** By so much that the slow one claims the tick of a period ago just before the others claim theirs. */
const BEHIND = PERIOD - 200;

describeOnSharedStores(
  'a replica whose clock is behind by more than a period, on %s',
  (store) => {
    it('keeps no other replica from running a tick that is due, even if the store knows of no earlier run', async () => {
      const { slow, right, due } = await startBefore([5, 20, 40]);
      // By either: the slow one is told what is due by the store's clock. By its own, that comes a period later.
      const { startedAt } = await runThat([slow, right], ({ tick }) => tick === due);
      expect(wallTime(startedAt)).toBeLessThan(due + PERIOD / 2);
    });

    /** Both are up before the first tick of their job, or the next lead is tried. */
    async function startBefore([lead, ...longer]: readonly number[]) {
      if (lead === undefined) throw new Error('They were not ready in time.');
      const due = Math.ceil(Date.now() / SECOND + lead) * SECOND;
      const env = { CRON: `${new Date(due).getUTCSeconds()} * * * * *`, JOB_MS: '500' };
      const slow = startApp('tick-replica', store.options, { ...env, ...faketimeBy(-BEHIND) });
      const right = startApp('tick-replica', store.options, env);
      await Promise.all([slow, right].map((replica) => replica.waitFor(event('ready'))));
      if (Date.now() < due - SECOND / 2) return { slow, right, due };
      await ReplicaProcess.killAll();
      return startBefore(longer);
    }
  },
  { skip: !faketimeLibrary() },
);
