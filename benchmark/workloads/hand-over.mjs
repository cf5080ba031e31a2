import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { CommandCounter } from '../support/command-counter.mjs';
import { median, quantile } from '../support/statistics.mjs';

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

/** Milliseconds by the clock that all processes of a machine share. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

export async function client(open) {
  const locks = await open({ waits: true });
  let turn;
  let letGo;
  /** Asks for the lock; `turn` resolves when it has been had and given back. */
  const ask = (name, critical) => {
    turn = (async () => {
      let times;
      await locks.contend(name, async () => {
        const granted = now();
        await critical();
        times = { granted, released: now() };
      });
      return times;
    })();
  };
  return {
    async hold(name) {
      await new Promise((resolve) => {
        ask(name, async () => {
          resolve();
          await new Promise((released) => (letGo = released));
        });
      });
    },
    async release() {
      letGo();
      return turn;
    },
    ask: (name) => ask(name, () => sleep(HELD)),
    had: () => turn,
  };
}

export async function measure({ packages, rounds, port, redis }) {
  const results = new Map(packages.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of packages) results.get(name).push(await oneRound(name, port, redis));
  }
  const rows = [...results].map(([name, all]) => {
    const of = (key) => median(all.map((round) => round[key]));
    const inOrder = all.reduce((sum, round) => sum + round.inOrder, 0);
    return [
      name,
      [
        of('p50').toFixed(2),
        of('p99').toFixed(2),
        of('commands').toFixed(1),
        `${inOrder} of ${rounds * BATCHES * WAITERS}`,
      ],
    ];
  });
  return { columns: ['p50, ms', 'p99, ms', 'commands each', 'in order'], rows: new Map(rows) };
}

async function oneRound(name, port, redis) {
  await redis.flushall();
  const clients = [];
  for (let i = 0; i <= WAITERS; i++)
    clients.push(await ClientProcess.start('hand-over', name, port, { onAnyCore }));
  for (let i = 0; i < WARM_UP; i++) await oneBatch(clients);
  const counter = await CommandCounter.start(port, redis.stream.localPort);
  const batches = [];
  for (let i = 0; i < BATCHES; i++) batches.push(await oneBatch(clients));
  const commands = counter.stop() / (BATCHES * (WAITERS + 1));
  await Promise.all(clients.map((process) => process.stop()));
  const latencies = batches.flatMap(({ latencies: some }) => some);
  return {
    commands,
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
