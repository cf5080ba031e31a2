import { ClientProcess } from './client-process.mjs';
import { median } from './statistics.mjs';

/** What ratios are of: ioredis alone. */
const BASELINE = 'raw-ioredis';
const SLICE = 150;
const CYCLES = 5;

/** The client part: runs `once` again and again, in `lanes` at a time, for as long as a slice takes. */
export function sliceOf(once, lanes = 1) {
  return async (ms = SLICE) => {
    let count = 0;
    const start = performance.now();
    const end = start + ms;
    const lane = async (number) => {
      while (performance.now() < end) {
        await once(number);
        count++;
      }
    };
    await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
    return ((performance.now() - start) * 1000) / count;
  };
}

/**
 * Microseconds each, and the rate against the baseline. New processes in every round; short slices of the baseline
 * just before and after each of the others, so that whatever else the machine does concerns both.
 */
export async function measureRates(workload, { packages, rounds, port, redis }) {
  const results = new Map(packages.map((name) => [name, { ratios: [], micros: [] }]));
  for (let round = 0; round < rounds; round++) {
    await redis.flushall();
    const clients = new Map();
    for (const name of new Set([BASELINE, ...packages])) {
      const client = await ClientProcess.start(workload, name, port);
      await client.call('slice', 4 * SLICE);
      clients.set(name, client);
    }
    for (const [name, { ratio, micros }] of await oneRound(clients, packages)) {
      results.get(name).ratios.push(ratio);
      results.get(name).micros.push(micros);
    }
    await Promise.all([...clients.values()].map((client) => client.stop()));
  }
  return results;
}

async function oneRound(clients, packages) {
  const ratios = new Map(packages.map((name) => [name, []]));
  const micros = new Map(packages.map((name) => [name, []]));
  const slice = (name) => clients.get(name).call('slice');
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    let before = await slice(BASELINE);
    for (const name of packages) {
      const own = await slice(name);
      const after = await slice(BASELINE);
      ratios.get(name).push((before + after) / 2 / own);
      micros.get(name).push(own);
      before = after;
    }
  }
  return packages.map((name) => [
    name,
    { ratio: median(ratios.get(name)), micros: median(micros.get(name)) },
  ]);
}

export function ratesTable(results) {
  return {
    columns: ['rate against raw ioredis', 'lowest to highest round', 'µs each'],
    rows: new Map(
      [...results].map(([name, { ratios, micros }]) => [
        name,
        [
          median(ratios).toFixed(2),
          `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
          median(micros).toFixed(1),
        ],
      ]),
    ),
  };
}
