import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { CommandCounter } from '../support/command-counter.mjs';
import { median } from '../support/statistics.mjs';

const WAITERS = 1000;
const SECONDS = 10;

/** Timers again: the figures hardly differ from round to round. */
export const mostRounds = 2;

export const title = '1000 idle waiters';
export const about = `1000 calls of one process wait for a lock that another process holds, for ${SECONDS} s.`;

export async function client(open) {
  const locks = await open({ waits: true });
  return {
    occupy: async () => void (await locks.occupy('held-for-long')),
    wait() {
      for (let i = 0; i < WAITERS; i++) void locks.contend('held-for-long', async () => {});
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
      const { commands, cpu } = await oneRound(name, port, redis);
      const row = rows.get(name) ?? { commands: [], cpu: [] };
      row.commands.push(commands);
      row.cpu.push(cpu);
      rows.set(name, row);
    }
  }
  return {
    columns: ['commands a second', 'client CPU, ms a second'],
    rows: new Map(
      [...rows].map(([name, { commands, cpu }]) => [
        name,
        [median(commands).toFixed(1), (median(cpu) * 1000).toFixed(1)],
      ]),
    ),
  };
}

async function oneRound(name, port, redis) {
  await redis.flushall();
  const holder = await ClientProcess.start('idle-waiters', name, port);
  await holder.call('occupy');
  const waiters = await ClientProcess.start('idle-waiters', name, port);
  await waiters.call('wait');
  await sleep(2000);
  const counter = await CommandCounter.start(port, redis.stream.localPort);
  const before = await waiters.call('cpu');
  await sleep(SECONDS * 1000);
  const cpu = ((await waiters.call('cpu')) - before) / SECONDS;
  const commands = counter.stop() / SECONDS;
  await Promise.all([holder.stop(), waiters.stop()]);
  return { commands, cpu };
}
