import { startApp } from '../support/apps.js';
import { eventually } from '../support/eventually.js';
import { faketimeBy, faketimeLibrary } from '../support/faketime.js';
import { event } from '../support/history.js';
import { runsOf } from '../support/job-runs.js';
import { describeOnSharedStores } from '../support/on-shared-stores.js';

const SECOND = 1000;
/** Between two ticks of the job. */
const PERIOD = 10 * SECOND;
/** By so much that the slow one claims the tick of a period ago just before the others claim theirs. */
const BEHIND = PERIOD - 200;

describeOnSharedStores(
  'a replica whose clock is behind by more than a period, on %s',
  (store) => {
    it('keeps nobody from running a tick that is due, in a lock that knows of no run yet', async () => {
      const due = Math.ceil(Date.now() / SECOND + 5) * SECOND;
      const env = { CRON: `${(due / SECOND) % 10}-59/10 * * * * *`, JOB_MS: '500' };
      const slow = startApp('tick-replica', store.options, { ...env, ...faketimeBy(-BEHIND) });
      const right = startApp('tick-replica', store.options, env);
      await Promise.all([slow, right].map((replica) => replica.waitFor(event('ready'))));
      if (Date.now() > due - SECOND / 2) throw new Error('They were not ready in time.');
      await eventually(() => Date.now() > due + 1.5 * SECOND, { within: 10 * SECOND });
      await slow.signal('SIGKILL');

      expect(runsOf([slow, right]).map(({ tick }) => tick - due)).toContain(0);
    });
  },
  { skip: !faketimeLibrary() },
);
