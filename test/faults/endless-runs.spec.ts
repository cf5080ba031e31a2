import { startApp } from '../support/apps.js';
import { HANG } from '../support/hang.js';
import { event } from '../support/history.js';
import { ReplicaProcess } from '../support/replica-process.js';

/** `ENDLESS_RUNS=1000000` for as many as a job has in years. */
const RUNS = process.env['ENDLESS_RUNS'] ?? '50000';
/** Far less than the 1.1 KB that each run kept for ever once. */
const SLACK = 2 * 1024 * 1024;

afterEach(() => ReplicaProcess.killAll());

describe('a locked method that schedules its own next call from inside', () => {
  it(`keeps no memory of earlier runs: the heap does not grow over ${RUNS} runs`, async () => {
    const replica = startApp('endless-runs', {}, { RUNS }, { execArgv: ['--expose-gc'] });

    for (const method of ['oneAfterTheOther', 'oneInTheOther']) {
      const { grown } = await replica.waitFor(event('ran', { method }), { within: 4 * HANG });
      expect(Number(grown)).toBeLessThan(SLACK);
    }
    expect(await replica.exit).toEqual({ code: 0, signal: null });
    expect(replica.events.filter(event('haunted'))).toEqual([]);
  });
});
