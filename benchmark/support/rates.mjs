import { ClientProcess } from './client-process.mjs';
import { median } from './statistics.mjs';

/** What ratios are of: ioredis alone. */
const BASELINE = 'raw-ioredis';
const SLICE = 150;
/** Until the code of a new process is compiled: packages with more of it take longer. */
const WARM_UP = 2000;
const CYCLES = 5;

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
  const results = new Map(packages.map((name) => [name, { time: [], cpu: [], micros: [], cpuMicros: [] }]));
  for (let round = 0; round < rounds; round++) {
    await redis.flushall();
    const clients = new Map();
    for (const name of new Set([BASELINE, ...packages])) {
      const client = await ClientProcess.start(workload, name, port);
      await client.call('slice', WARM_UP);
      clients.set(name, client);
    }
    for (const [name, slices] of await oneRound(clients, packages, redis)) {
      for (const [key, values] of Object.entries(results.get(name))) {
        values.push(median(slices.map((slice) => slice[key])));
      }
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
    return { micros: time / count, cpuMicros: (cpu + (await serverCpu(redis)) - before) / count };
  };
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    let before = await slice(BASELINE);
    for (const name of packages) {
      const own = await slice(name);
      const after = await slice(BASELINE);
      slices.get(name).push({
        ...own,
        time: (before.micros + after.micros) / 2 / own.micros,
        cpu: (before.cpuMicros + after.cpuMicros) / 2 / own.cpuMicros,
      });
      before = after;
    }
  }
  return slices;
}

/** Microseconds. */
async function serverCpu(redis) {
  const info = await redis.info('cpu');
  const [, system] = /used_cpu_sys:(\S+)/.exec(info);
  const [, user] = /used_cpu_user:(\S+)/.exec(info);
  return (Number(system) + Number(user)) * 1e6;
}

export function ratesTable(results) {
  return {
    columns: ['rate', 'lowest to highest round', 'µs each', 'rate by CPU', 'CPU µs each'],
    rows: new Map(
      [...results].map(([name, { time, cpu, micros, cpuMicros }]) => [
        name,
        [
          median(time).toFixed(2),
          `${Math.min(...time).toFixed(2)} to ${Math.max(...time).toFixed(2)}`,
          median(micros).toFixed(1),
          median(cpu).toFixed(2),
          median(cpuMicros).toFixed(1),
        ],
      ]),
    ),
  };
}
