import { join } from 'node:path';
import { ReplicaProcess } from '../../support/replica-process.js';
import { connected, testPostgresUrl, uniqueSchema } from '../../support/postgres/test-postgres.js';

const SCRIPT = join(import.meta.dirname, 'support/contender.mjs');
const PROCESSES = 8;

it('one of eight processes has a lock at a time, in turn, and each ends by itself', async () => {
  const schema = uniqueSchema();
  const env = { URL: testPostgresUrl(), SCHEMA: schema, FOR: '2000' };
  const contenders = Array.from({ length: PROCESSES }, () => ReplicaProcess.start(SCRIPT, { env }));
  const exits = await Promise.all(contenders.map((contender) => contender.exit));
  const client = await connected();
  await client.query(`DROP SCHEMA ${schema} CASCADE`);
  await client.end();

  expect(exits).toEqual(contenders.map(() => ({ code: 0, signal: null })));
  const events = contenders.flatMap((contender) => contender.events);
  expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['ran', 'closed']));
  const runs = events
    .filter(({ event }) => event === 'ran')
    .map((run) => run as unknown as { fencingToken: number; from: number; until: number })
    .toSorted((a, b) => a.fencingToken - b.fencingToken);
  expect(runs.length).toBeGreaterThan(PROCESSES);
  const overlaps = runs.filter(({ from }, i) => i > 0 && from < runs[i - 1].until);
  expect(overlaps).toEqual([]);
  for (const contender of contenders) expect(contender.events.length).toBeGreaterThan(1);
});
