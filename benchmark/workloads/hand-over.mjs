import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { figure, share } from '../support/columns.mjs';
import { CommandCounter } from '../support/command-counter.mjs';
import { criticalSections } from '../support/critical-sections.mjs';
import { measureRounds } from '../support/rounds.mjs';
import { quantile } from '../support/statistics.mjs';

const WAITERS = 8;
const BATCHES = 25;
/** Batches before those that count: connections are made, and code is compiled. */
const WARM_UP = 3;
/** Milliseconds for which each holds the lock. */
const HELD = 5;
/** Milliseconds between two arrivals, enough for the question to have come to the server. */
const GAP = 4;

/** On one core each would wait for what the others have to do that is none of its business. */
export const onAnyCore = true;

export const title = 'Hand-over with 8 waiting processes';
export const about =
  `A lock is held while ${WAITERS} processes come to wait for it, one after the other; then it is released, and each ` +
  `holds it for ${HELD} ms: ${BATCHES * WAITERS} hand-overs a round. Latency: from the call of a release to the next ` +
  'grant. Commands: all that clients send, by the number of grants. In order: grants to whoever had come first of ' +
  'those who waited.';

export const columns = [
  figure('p50', 'p50, ms'),
  figure('p99', 'p99, ms'),
  figure('commands', 'commands each', 1),
  share('inOrder', 'in order', BATCHES * WAITERS),
];

export async function client(open) {
  const { ask, ...sections } = criticalSections(await open({ waits: true }));
  return { ...sections, ask: (name) => ask(name, () => sleep(HELD)) };
}

export const measure = (run) => measureRounds(run, oneRound);

async function oneRound(name, server) {
  const clients = [];
  for (let i = 0; i <= WAITERS; i++)
    clients.push(await ClientProcess.start('hand-over', name, server.port, { onAnyCore }));
  for (let i = 0; i < WARM_UP; i++) await oneBatch(clients);
  const counter = await CommandCounter.start(server);
  const batches = [];
  for (let i = 0; i < BATCHES; i++) batches.push(await oneBatch(clients));
  const { commands } = await counter.stop();
  await Promise.all(clients.map((process) => process.stop()));
  const latencies = batches.flatMap(({ latencies: some }) => some);
  return {
    commands: commands / (BATCHES * (WAITERS + 1)),
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    inOrder: batches.reduce((sum, batch) => sum + batch.inOrder, 0),
  };
}

async function oneBatch([holder, ...waiters]) {
  const name = 'handed-over';
  await holder.call('hold', name);
  for (const waiter of waiters) {
    await waiter.call('ask', name);
    await sleep(GAP);
  }
  const first = await holder.call('release');
  const turns = await Promise.all(waiters.map((waiter) => waiter.call('had')));
  const arrivals = turns.map((turn, arrival) => ({ ...turn, arrival }));
  const grants = arrivals.toSorted((a, b) => a.granted - b.granted);
  let released = first.released;
  let inOrder = 0;
  const latencies = [];
  for (const [i, grant] of grants.entries()) {
    latencies.push(grant.granted - released);
    released = grant.released;
    if (grants.slice(i).every(({ arrival }) => arrival >= grant.arrival)) inOrder++;
  }
  return { latencies, inOrder };
}
