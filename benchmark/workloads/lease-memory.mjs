import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { figure } from '../support/columns.mjs';
import { leasesLost, manyLeases } from '../support/many-leases.mjs';
import { measureRounds } from '../support/rounds.mjs';
import { serverCpu, serverMemory } from '../support/server-stats.mjs';

const LEASES = 10_000;
const SECONDS = 20;
/** Calls before memory is looked at: connections are made, and code is compiled. */
const WARM_UP = 1000;
/** Milliseconds in which the server ends the growth of its tables. */
const SETTLE = 3000;

/** Sizes do not differ from round to round. */
export const mostRounds = 1;

export const title = 'What 10,000 leases take';
export const about =
  `One process holds ${LEASES} locks with a TTL of 10 s and a name each. Heap after a garbage collection, and ` +
  'memory of the server without the buffers of connections, both by the number of locks. CPU of the server in ' +
  `${SECONDS} s of renewals, without MONITOR.`;
export const columns = [
  figure('heap', 'heap, bytes a lease', 0),
  figure('stored', 'in Redis, bytes a lock', 0),
  figure('serverCpu', `server CPU in ${SECONDS} s, s`),
  leasesLost,
];

export async function client(open) {
  const locks = await open();
  return {
    async warmUp() {
      for (let i = 0; i < WARM_UP; i++) await locks.cycle('warm-up');
    },
    ...manyLeases(locks, LEASES),
    heap() {
      gc();
      return process.memoryUsage().heapUsed;
    },
  };
}

export const measure = (run) => measureRounds(run, oneRound);

async function oneRound(name, { port, redis }) {
  const process = await ClientProcess.start('lease-memory', name, port, { nodeOptions: ['--expose-gc'] });
  await process.call('warmUp');
  const sizes = async () => ({ heap: await process.call('heap'), stored: await serverMemory(redis) });
  const before = await sizes();
  await process.call('hold');
  await sleep(SETTLE);
  const after = await sizes();
  const cpuBefore = await serverCpu(redis);
  await sleep(SECONDS * 1000);
  const used = (await serverCpu(redis)) - cpuBefore;
  const other = await ClientProcess.start('lease-memory', name, port);
  const lost = await other.call('countFree');
  await Promise.all([process.stop(), other.stop()]);
  return {
    heap: (after.heap - before.heap) / LEASES,
    stored: (after.stored - before.stored) / LEASES,
    serverCpu: used,
    lost,
  };
}
