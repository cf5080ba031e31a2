import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { CommandCounter } from '../support/command-counter.mjs';
import { median, quantile } from '../support/statistics.mjs';

const PROCESSES = 8;
const HANDOVERS = 200;
/** Milliseconds for which each holds the lock; long enough for the last holder to be waiting again. */
const HELD = 5;
/** Seconds after which a package that cannot do it is given up. */
const PATIENCE = 120;

export const title = 'Hand-over with 8 waiting processes';
export const about =
  `${PROCESSES} processes wait for one lock, hold it for ${HELD} ms and wait again, ${HANDOVERS} times in all. ` +
  'Latency: from the call of the release to the next grant. In order: grants to whoever had waited longest.';

/** Milliseconds by the clock that all processes of a machine share. */
const now = () => Number(process.hrtime.bigint()) / 1e6;

export async function client(open) {
  const locks = await open({ waits: true });
  const grants = [];
  let stopped = false;
  return {
    begin() {
      void (async () => {
        while (!stopped) {
          const asked = now();
          await locks.contend('handed-over', async () => {
            const granted = now();
            if (!stopped) await sleep(HELD);
            grants.push({ asked, granted, released: now() });
          });
        }
      })();
    },
    count: () => grants.length,
    stop() {
      stopped = true;
      return grants;
    },
  };
}

export async function measure({ packages, rounds, port, redis }) {
  const results = new Map(packages.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of packages) results.get(name).push(await oneRound(name, port, redis));
  }
  const rows = [...results].map(([name, rounds_]) => {
    const of = (key) => median(rounds_.map((round) => round[key]));
    const counted = rounds_.reduce((sum, { count }) => sum + count, 0);
    const inOrder = rounds_.reduce((sum, round) => sum + round.inOrder, 0);
    return [
      name,
      [of('p50').toFixed(2), of('p99').toFixed(2), of('commands').toFixed(1), `${inOrder} of ${counted}`],
    ];
  });
  return { columns: ['p50, ms', 'p99, ms', 'commands each', 'in order'], rows: new Map(rows) };
}

async function oneRound(name, port, redis) {
  await redis.flushall();
  const clients = [];
  for (let i = 0; i < PROCESSES; i++) clients.push(await ClientProcess.start('hand-over', name, port));
  for (const process of clients) {
    await process.call('begin');
    await sleep(20);
  }
  await grantsBeyond(clients, 3 * PROCESSES);
  const counter = await CommandCounter.start(port, redis.stream.localPort);
  const before = await countGrants(clients);
  const enough = await grantsBeyond(clients, before + HANDOVERS);
  const commands = counter.stop() / (enough - before);
  const grants = (await Promise.all(clients.map((process) => process.call('stop')))).flat();
  await Promise.all(clients.map((process) => process.stop()));
  return { commands, ...judge(grants) };
}

async function countGrants(clients) {
  const counts = await Promise.all(clients.map((process) => process.call('count')));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function grantsBeyond(clients, number) {
  const end = now() + PATIENCE * 1000;
  for (;;) {
    const count = await countGrants(clients);
    if (count >= number) return count;
    if (now() > end) throw new Error(`only ${count} of ${number} hand-overs in ${PATIENCE} s`);
    await sleep(100);
  }
}

/** Of the last grants: the first are made while not all wait yet. */
function judge(grants) {
  const sorted = grants.toSorted((a, b) => a.granted - b.granted).slice(-HANDOVERS - 1);
  const latencies = [];
  let inOrder = 0;
  for (const [i, grant] of sorted.entries()) {
    if (i === 0) continue;
    latencies.push(grant.granted - sorted[i - 1].released);
    const waiting = sorted.slice(i).filter(({ asked }) => asked < sorted[i - 1].released);
    if (waiting.every(({ asked }) => asked >= grant.asked)) inOrder++;
  }
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), inOrder, count: latencies.length };
}
