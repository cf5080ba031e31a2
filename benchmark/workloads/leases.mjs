import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { CommandCounter } from '../support/command-counter.mjs';
import { median } from '../support/statistics.mjs';

const LEASES = 10_000;
const AT_ONCE = 250;
const SECONDS = 20;

/** A minute a package: more would tell no more of what comes by timers. */
export const mostRounds = 2;

export const title = '10,000 leases held';
export const about = `One process holds and renews ${LEASES} locks with a TTL of 10 s, for ${SECONDS} s.`;

export async function client(open) {
  const locks = await open();
  return {
    async hold() {
      for (let i = 0; i < LEASES; i += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, (_, j) => locks.hold(`lease-${i + j}`)));
      }
    },
    cpu() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  };
}

export async function measure({ packages, rounds, port, redis }) {
  const rows = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const name of packages) {
      const { commands, cpu, lost } = await oneRound(name, port, redis);
      const row = rows.get(name) ?? { commands: [], cpu: [], lost: 0 };
      row.commands.push(commands);
      row.cpu.push(cpu);
      row.lost += lost;
      rows.set(name, row);
    }
  }
  return {
    columns: ['commands a second', 'client CPU, ms a second', 'leases lost'],
    rows: new Map(
      [...rows].map(([name, { commands, cpu, lost }]) => [
        name,
        [median(commands).toFixed(1), (median(cpu) * 1000).toFixed(1), String(lost)],
      ]),
    ),
  };
}

async function oneRound(name, port, redis) {
  await redis.flushall();
  const process = await ClientProcess.start('leases', name, port);
  await process.call('hold');
  // Until the first renewals are under way: leases that were taken together are renewed together at first.
  await sleep(10_000);
  const counter = await CommandCounter.start(port, redis.stream.localPort);
  const before = await process.call('cpu');
  await sleep(SECONDS * 1000);
  const cpu = ((await process.call('cpu')) - before) / SECONDS;
  const commands = counter.stop() / SECONDS;
  const lost = LEASES - (await countLocks(redis));
  await process.stop();
  return { commands, cpu, lost };
}

/** Locks are strings; the library keeps a hash beside each. */
async function countLocks(redis) {
  let count = 0;
  for await (const keys of redis.scanStream({ match: '*lease-*', type: 'string', count: 1000 })) {
    count += new Set(keys).size;
  }
  return count;
}
