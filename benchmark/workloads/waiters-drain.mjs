import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { figure, share } from '../support/columns.mjs';
import { criticalSections } from '../support/critical-sections.mjs';
import { now } from '../support/machine-clock.mjs';
import { measureRounds } from '../support/rounds.mjs';
import { serverCpu } from '../support/server-stats.mjs';
import { cpu } from '../support/steady-load.mjs';

const WAITERS = 1000;
const NAME = 'drained';
/** Milliseconds from the calls to the release, enough for all of them to wait. */
const SETTLE = 2000;

export const mostRounds = 2;

export const title = '1000 waiters, one after the other';
export const about =
  `${WAITERS} calls of one process wait for a lock that another process holds; then it is released, and each gives ` +
  'it back at once. Time: from the call of the release to the last grant. CPU: in that time. Alone: grants at which ' +
  'no other of them was under the lock.';
export const columns = [
  figure('last', 'last grant, s'),
  figure('clientCpu', 'client CPU, ms', 0),
  figure('serverCpu', 'server CPU, ms', 0),
  share('alone', 'alone', WAITERS),
];

const nothing = async () => {};

export async function client(open) {
  const locks = await open({ waits: true });
  const sections = criticalSections(locks);
  let inside = 0;
  let alone = 0;
  let last;
  let all;
  const wait = () =>
    locks.contend(NAME, async () => {
      last = now();
      if (++inside === 1) alone++;
      await nothing();
      inside--;
    });
  return {
    hold: sections.hold,
    release: sections.release,
    wait() {
      all = Promise.all(Array.from({ length: WAITERS }, wait));
    },
    async drained() {
      await all;
      return { last, alone };
    },
    cpu,
  };
}

export const measure = (run) => measureRounds(run, oneRound);

async function oneRound(name, { port, redis }) {
  const holder = await ClientProcess.start('waiters-drain', name, port);
  const waiters = await ClientProcess.start('waiters-drain', name, port);
  await holder.call('hold', NAME);
  await waiters.call('wait');
  await sleep(SETTLE);
  const before = { client: await waiters.call('cpu'), server: await serverCpu(redis) };
  const { released } = await holder.call('release');
  const { last, alone } = await waiters.call('drained');
  const after = { client: await waiters.call('cpu'), server: await serverCpu(redis) };
  await Promise.all([holder.stop(), waiters.stop()]);
  return {
    last: (last - released) / 1000,
    alone,
    clientCpu: after.client - before.client,
    serverCpu: (after.server - before.server) * 1000,
  };
}
