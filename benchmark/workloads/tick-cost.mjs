import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { figure, share } from '../support/columns.mjs';
import { CommandCounter } from '../support/command-counter.mjs';
import { measureRounds } from '../support/rounds.mjs';

const REPLICAS = 3;
const TICKS = 5;

/** What is counted does not depend on the machine. */
export const mostRounds = 1;
export const onAnyCore = true;

export const title = `A cron tick over ${REPLICAS} replicas`;
export const about =
  `${REPLICAS} applications have a method with @Cron('* * * * * *') and @Exclusive: what ${TICKS} ticks ask of the ` +
  'server, by their number. Commands: those that clients send. Calls: those that scripts make.';
export const only = ['nestjs-exclusive-lock', 'before'];
export const columns = [
  figure('commands', 'commands a tick', 1),
  figure('calls', 'calls in scripts a tick', 1),
  share('once', 'run once', TICKS),
];

export async function client(open) {
  const locks = await open({ ticking: true });
  return { runs: locks.runsOfTicks };
}

export const measure = (run) => measureRounds(run, oneRound);

async function oneRound(name, server) {
  const replicas = await Promise.all(
    Array.from({ length: REPLICAS }, () =>
      ClientProcess.start('tick-cost', name, server.port, { onAnyCore }),
    ),
  );
  // The first tick loads the scripts.
  await betweenTicks(2);
  const counter = await CommandCounter.start(server);
  const before = await counter.count();
  const first = Math.floor(Date.now() / 1000) + 1;
  await betweenTicks(TICKS);
  const after = await counter.stop();
  const runs = (await Promise.all(replicas.map((replica) => replica.call('runs')))).flat();
  await Promise.all(replicas.map((replica) => replica.stop()));
  const ticks = Array.from({ length: TICKS }, (_, i) => first + i);
  return {
    commands: (after.commands - before.commands) / TICKS,
    calls: (after.calls - before.calls) / TICKS,
    once: ticks.filter((tick) => runs.filter((run) => run === tick).length === 1).length,
  };
}

/** So many ticks from now, in the middle between two of them. */
async function betweenTicks(count) {
  const now = Date.now();
  await sleep(Math.floor(now / 1000) * 1000 + count * 1000 + 500 - now);
}
