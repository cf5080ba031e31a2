import type { Client } from 'pg';
import { startApp } from '../../support/apps.js';
import { eventually } from '../../support/eventually.js';
import { event } from '../../support/history.js';
import { connected, testPostgresUrl, uniqueSchema } from '../../support/postgres/test-postgres.js';
import { ReplicaProcess } from '../../support/replica-process.js';

/** `FENCED_WRITES=200` for as many as a proof by hand wants. */
const WRITES = Number(process.env['FENCED_WRITES'] ?? '12');
/** As many locks as a process holds at once. */
const AT_ONCE = 20;
const TTL = 1000;
const MOMENTS = ['begun', 'asserted', 'written'];

let client: Client;
let schema: string;

beforeEach(async () => {
  client = await connected();
  schema = uniqueSchema();
  await client.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.writes (name text, token bigint)`);
});

afterEach(async () => {
  await ReplicaProcess.killAll();
  await client.query(`DROP SCHEMA ${schema} CASCADE`);
  await client.end();
});

describe('a holder that is stopped beyond its TTL', () => {
  it(`commits nothing in ${WRITES} of ${WRITES} transactions that asserted its lease, or were about to`, async () => {
    for (let first = 0; first < WRITES; first += AT_ONCE)
      await trial(Array.from({ length: Math.min(AT_ONCE, WRITES - first) }, (_, i) => `write-${first + i}`));
  });
});

async function trial(names: readonly string[]): Promise<void> {
  const [stopped, next] = await Promise.all([startWriter(), startWriter()]);
  for (const [i, name] of names.entries())
    stopped.send({ do: 'write', name, pauseWhen: MOMENTS[i % MOMENTS.length] });
  await eventually(() => stopped.events.filter(event('paused')).length === names.length);
  await stopped.signal('SIGSTOP');
  for (const name of names) next.send({ do: 'write', name });
  await eventually(() => next.events.filter(event('committed')).length === names.length);
  await stopped.signal('SIGCONT');
  stopped.send({ do: 'goOn' });
  await eventually(() => stopped.events.filter(event('refused')).length === names.length);

  expect(stopped.events.filter(event('committed'))).toEqual([]);
  expect(await writesOf(names)).toEqual(
    names.map((name) => ({
      name,
      token: String(next.events.find(event('committed', { name }))?.['fencingToken']),
    })),
  );
  // The end of its connections has not ended the process.
  for (const writer of [stopped, next]) expect(writer.stderr).toEqual([]);
  await ReplicaProcess.killAll();
}

async function startWriter(): Promise<ReplicaProcess> {
  const env = { DATABASE: testPostgresUrl(), SCHEMA: schema, TTL: String(TTL) };
  const writer = startApp('fenced-writer', {}, env);
  await writer.waitFor(event('ready'));
  return writer;
}

async function writesOf(names: readonly string[]): Promise<unknown[]> {
  const { rows } = await client.query(`SELECT * FROM ${schema}.writes WHERE name = ANY ($1)`, [names]);
  return rows.toSorted(
    (a: { name: string }, b: { name: string }) => names.indexOf(a.name) - names.indexOf(b.name),
  );
}
