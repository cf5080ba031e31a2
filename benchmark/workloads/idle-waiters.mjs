import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { measureRounds } from '../support/rounds.mjs';
import { cpu, inPlace, loadColumns, observe } from '../support/steady-load.mjs';

const WAITERS = 1000;
const SECONDS = 10;

/** Timers again: the figures hardly differ from round to round. */
export const mostRounds = 2;

export const title = '1000 idle waiters';
export const about = `1000 calls of one process wait for a lock that another process holds, for ${SECONDS} s. ${inPlace}`;
export const columns = loadColumns;

export async function client(open) {
  const locks = await open({ waits: true });
  return {
    occupy: async () => void (await locks.occupy('held-for-long')),
    wait() {
      for (let i = 0; i < WAITERS; i++) void locks.contend('held-for-long', async () => {});
    },
    cpu,
  };
}

export const measure = (run) => measureRounds(run, oneRound);

async function oneRound(name, server) {
  const holder = await ClientProcess.start('idle-waiters', name, server.port);
  await holder.call('occupy');
  const waiters = await ClientProcess.start('idle-waiters', name, server.port);
  await waiters.call('wait');
  await sleep(2000);
  const load = await observe(waiters, SECONDS, server);
  await Promise.all([holder.stop(), waiters.stop()]);
  return load;
}
