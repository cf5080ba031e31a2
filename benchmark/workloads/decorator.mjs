import { ClientProcess } from '../support/client-process.mjs';
import { figure } from '../support/columns.mjs';
import { sliceOf } from '../support/rates.mjs';
import { measureRounds } from '../support/rounds.mjs';
import { median } from '../support/statistics.mjs';

const SLICES = 20;

export const title = 'What the decorator adds';
export const about =
  'A method with @Exclusive against the same work in `locks.run()`, per call, in the memory store, where nothing else takes time.';
export const only = ['nestjs-exclusive-lock', 'before'];
export const columns = [
  figure('service', 'locks.run(), µs'),
  figure('decorated', 'decorated call, µs'),
  figure('added', 'added, µs'),
];

export async function client(open) {
  const locks = await open({ memory: true });
  return { service: microsOf(locks.runWork), decorated: microsOf(locks.callDecorated) };
}

export const measure = (run) => measureRounds(run, oneRound);

async function oneRound(name, { port }) {
  const process = await ClientProcess.start('decorator', name, port);
  await process.call('service', 600);
  await process.call('decorated', 600);
  const [service, decorated] = [[], []];
  for (let i = 0; i < SLICES; i++) {
    service.push(await process.call('service'));
    decorated.push(await process.call('decorated'));
  }
  await process.stop();
  return {
    service: median(service),
    decorated: median(decorated),
    added: median(decorated.map((micros, i) => micros - service[i])),
  };
}

function microsOf(once) {
  const slice = sliceOf(once);
  return async (ms) => {
    const { time, count } = await slice(ms);
    return time / count;
  };
}
