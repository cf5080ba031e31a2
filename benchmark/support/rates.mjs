import { ClientProcess } from './client-process.mjs';
import { figure, note } from './columns.mjs';
import { serverCpu } from './server-stats.mjs';
import { median } from './statistics.mjs';

/** What ratios are of: ioredis alone. */
const BASELINE = 'raw-ioredis';
const SLICE = 150;
/** Until the code of a new process is compiled: packages with more of it take longer. */
const WARM_UP = 2000;
const CYCLES = 5;

export const rateColumns = [
  figure('rate', 'rate'),
  note('lowest to highest round', (rounds) => {
    const rates = rounds.map(({ rate }) => rate);
    return `${Math.min(...rates).toFixed(2)} to ${Math.max(...rates).toFixed(2)}`;
  }),
  figure('micros', 'µs each', 1),
  figure('rateByCpu', 'rate by CPU'),
  figure('cpuMicros', 'CPU µs each', 1),
];

/**
 * The client part: runs `once` again and again, in `lanes` at a time, for as long as a slice takes. Resolves to how
 * often, and to the microseconds of time and of the process's CPU for all of it.
 */
export function sliceOf(once, lanes = 1) {
  return async (ms = SLICE) => {
    let count = 0;
    const cpu = process.cpuUsage();
    const start = performance.now();
    const end = start + ms;
    const lane = async (number) => {
      while (performance.now() < end) {
        await once(number);
        count++;
      }
    };
    await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
    const { user, system } = process.cpuUsage(cpu);
    return { count, time: (performance.now() - start) * 1000, cpu: user + system };
  };
}

/**
 * The time and the CPU of client and server for each call, against the baseline. New processes in every round; short
 * slices of the baseline just before and after each of the others, so that whatever else the machine does concerns
 * both. Time on a machine that does something else, too, is mostly that of the scheduler; CPU tells better then.
 */
export async function measureRates(workload, { packages, rounds, port, redis }) {
  const results = new Map(packages.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    await redis.flushall();
    const clients = new Map();
    for (const name of new Set([BASELINE, ...packages])) {
      const client = await ClientProcess.start(workload, name, port);
      await client.call('slice', WARM_UP);
      clients.set(name, client);
    }
    for (const [name, slices] of await oneRound(clients, packages, redis)) {
      const keys = Object.keys(slices[0]);
      const medians = keys.map((key) => [key, median(slices.map((slice) => slice[key]))]);
      results.get(name).push(Object.fromEntries(medians));
    }
    await Promise.all([...clients.values()].map((client) => client.stop()));
  }
  return results;
}

async function oneRound(clients, packages, redis) {
  const slices = new Map(packages.map((name) => [name, []]));
  const slice = async (name) => {
    const before = await serverCpu(redis);
    const { count, time, cpu } = await clients.get(name).call('slice');
    const ofServer = ((await serverCpu(redis)) - before) * 1e6;
    return { micros: time / count, cpuMicros: (cpu + ofServer) / count };
  };
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    let before = await slice(BASELINE);
    for (const name of packages) {
      const own = await slice(name);
      const after = await slice(BASELINE);
      slices.get(name).push({
        ...own,
        rate: (before.micros + after.micros) / 2 / own.micros,
        rateByCpu: (before.cpuMicros + after.cpuMicros) / 2 / own.cpuMicros,
      });
      before = after;
    }
  }
  return slices;
}
