import { ClientProcess } from '../support/client-process.mjs';
import { sliceOf } from '../support/rates.mjs';
import { median } from '../support/statistics.mjs';

const SLICES = 20;

export const title = 'What the decorator adds';
export const about =
  'A method with @Exclusive against the same work in `locks.run()`, per call, in the memory store, where nothing else takes time.';
export const only = ['nestjs-exclusive-lock'];

export async function client(open) {
  const locks = await open({ memory: true });
  return { service: microsOf(locks.runWork), decorated: microsOf(locks.callDecorated) };
}

export async function measure({ packages, rounds, port }) {
  const rows = new Map();
  for (const name of packages) {
    const [service, decorated] = [[], []];
    for (let round = 0; round < rounds; round++) {
      const process = await ClientProcess.start('decorator', name, port);
      await process.call('service', 600);
      await process.call('decorated', 600);
      for (let i = 0; i < SLICES; i++) {
        service.push(await process.call('service'));
        decorated.push(await process.call('decorated'));
      }
      await process.stop();
    }
    const added = median(decorated.map((micros, i) => micros - service[i]));
    rows.set(name, [median(service).toFixed(2), median(decorated).toFixed(2), added.toFixed(2)]);
  }
  return { columns: ['locks.run(), µs', 'decorated call, µs', 'added, µs'], rows };
}

function microsOf(once) {
  const slice = sliceOf(once);
  return async (ms) => {
    const { time, count } = await slice(ms);
    return time / count;
  };
}
