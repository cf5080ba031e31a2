import { join } from 'node:path';
import { describeOnMysql } from '../../support/mysql/on-mysql.js';
import { ReplicaProcess } from '../../support/replica-process.js';

const SCRIPT = join(import.meta.dirname, 'support/contender.mjs');
const PROCESSES = 8;
const TIMES = 10;

interface Run {
  readonly fencingToken: number;
  readonly from: number;
  readonly until: number;
}

describeOnMysql('eight processes that want one lock', (on) => {
  afterEach(() => ReplicaProcess.killAll());

  it('have it one at a time, each in its turn, and end by themselves', async () => {
    const env = { URL: on.database.urlFor(), TIMES: String(TIMES) };
    const contenders = Array.from({ length: PROCESSES }, () => ReplicaProcess.start(SCRIPT, { env }));
    const exits = await Promise.all(contenders.map((contender) => contender.exit));

    expect(exits).toEqual(contenders.map(() => ({ code: 0, signal: null })));
    const events = contenders.flatMap((contender) => contender.events);
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['ran', 'closed']));
    const runs = events
      .filter(({ event }) => event === 'ran')
      .map((run) => run as unknown as Run)

      .toSorted((a, b) => a.fencingToken - b.fencingToken);
    const overlaps = runs.filter(({ from }, i) => i > 0 && from < runs[i - 1].until);
    expect(overlaps).toEqual([]);
    expect(contenders.map((contender) => contender.events.length)).toEqual(contenders.map(() => TIMES + 1));
  });
});
