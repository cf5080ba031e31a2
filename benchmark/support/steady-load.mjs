import { setTimeout as sleep } from 'node:timers/promises';
import { CommandCounter } from './command-counter.mjs';
import { keepResident } from './resident.mjs';
import { median } from './statistics.mjs';

/** How CPU time is taken; for the `about` of a workload. */
export const inPlace = 'The memory of the process is kept in place, see README.';

/** Seconds of CPU time that this process has used; for the `client` of a workload. */
export function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** What a client process and the server are asked to do in that time: commands and CPU time, both a second. */
export async function observe(client, seconds, port, redis) {
  const letGo = await keepResident(client.pid);
  const counter = await CommandCounter.start(port, redis.stream.localPort);
  const before = await client.call('cpu');
  await sleep(seconds * 1000);
  const used = ((await client.call('cpu')) - before) / seconds;
  const commands = counter.stop() / seconds;
  return { commands, cpu: used, kept: await letGo() };
}

/** Rounds of each package in turn, and their medians: a row of a package has all that `oneRound` gave for it. */
export async function measureRounds({ packages, rounds, port, redis }, oneRound, more = {}) {
  const results = new Map(packages.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of packages) {
      await redis.flushall();
      results.get(name).push(await oneRound(name, port, redis));
    }
  }
  const row = (all) => [
    median(all.map(({ commands }) => commands)).toFixed(1),
    (median(all.map((one) => one.cpu)) * 1000).toFixed(1) +
      (all.every(({ kept }) => kept) ? '' : ' (memory not kept)'),
    ...Object.values(more).map((sumUp) => sumUp(all)),
  ];
  return {
    columns: ['commands a second', 'client CPU, ms a second', ...Object.keys(more)],
    rows: new Map([...results].map(([name, all]) => [name, row(all)])),
  };
}
