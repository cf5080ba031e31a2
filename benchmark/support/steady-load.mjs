import { setTimeout as sleep } from 'node:timers/promises';
import { figure } from './columns.mjs';
import { CommandCounter } from './command-counter.mjs';
import { keepResident } from './resident.mjs';

/** How CPU time is taken; for the `about` of a workload. */
export const inPlace = 'The memory of the process is kept in place, see README.';

const cpuOfClient = figure('cpu', 'client CPU, ms a second', 1);

/** What `observe` measures. */
export const loadColumns = [
  figure('commands', 'commands a second', 1),
  {
    ...cpuOfClient,
    show: (rounds) =>
      cpuOfClient.show(rounds) + (rounds.every(({ kept }) => kept) ? '' : ' (memory not kept)'),
  },
];

/** Milliseconds of CPU time that this process has used; for the `client` of a workload. */
export function cpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

/** What a client process and the server are asked to do in that time: commands, and milliseconds of CPU, a second. */
export async function observe(client, seconds, { port, redis }) {
  const letGo = await keepResident(client.pid);
  const counter = await CommandCounter.start({ port, redis });
  const before = await client.call('cpu');
  await sleep(seconds * 1000);
  const used = (await client.call('cpu')) - before;
  const { commands } = await counter.stop();
  return { commands: commands / seconds, cpu: used / seconds, kept: await letGo() };
}
