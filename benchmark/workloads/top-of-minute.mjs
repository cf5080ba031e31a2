import { setTimeout as sleep } from 'node:timers/promises';
import { ClientProcess } from '../support/client-process.mjs';
import { figure, medianOf, note, share, sumOf } from '../support/columns.mjs';
import { CommandCounter } from '../support/command-counter.mjs';
import { measureRounds } from '../support/rounds.mjs';
import { serverCpu } from '../support/server-stats.mjs';

const REPLICAS = 4;
const JOBS = 1000;
/** Ticks of a round that are timed, after one that warms up and one that is counted: MONITOR takes time. */
const TICKS = 3;
/** Runs that are due in a round. */
const DUE = (2 + TICKS) * JOBS;
/** Milliseconds from the word to the tick. */
const LEAD = 500;

/** As in production: each replica has work to do at the same time as the others. */
export const onAnyCore = true;
export const mostRounds = 3;

export const title = 'The top of the minute';
export const about =
  `${REPLICAS} processes have ${JOBS} jobs each, the same ones, and all are due at one tick: a timer for each job, and ` +
  '`locks.run()` with that tick as its occurrence. Time: from the tick until the first and the last of the ' +
  `${REPLICAS * JOBS} tries is decided: the work begins, or the call says that it is skipped. Commands of clients, and ` +
  'calls that scripts make, by the number of jobs. With ioredis alone the tick is part of a key that expires.';
export const only = ['raw-ioredis', 'raw-fenced', 'nestjs-exclusive-lock', 'before'];
export const columns = [
  figure('first', 'first, ms', 1),
  figure('last', 'last, ms', 1),
  figure('firstOfLast', 'first, of last'),
  figure('clientCpu', 'CPU of all clients, ms', 0),
  figure('serverCpu', 'server CPU, ms', 0),
  figure('commands', 'commands a job', 1),
  figure('calls', 'calls in scripts a job', 1),
  share('once', 'run once', DUE),
  note('run twice', (rounds) => String(sumOf(rounds, 'twice'))),
];

/** Milliseconds since 1970, with their fractions. */
const wallClock = () => performance.timeOrigin + performance.now();

export async function client(open) {
  const locks = await open();
  return {
    /**
     * Resolves to the milliseconds from the tick to the first and the last decision, to those of CPU, and to the jobs that
     * ran.
     */
    async take(at) {
      const before = process.cpuUsage();
      const tick = new Date(at);
      const decisions = [];
      const ran = [];
      const fire = async (job) => {
        await sleep(at - Date.now());
        let decided;
        await locks.runTick(`job-${job}`, tick, async () => {
          decided = wallClock();
          ran.push(job);
        });
        decisions.push((decided ?? wallClock()) - at);
      };
      await Promise.all(Array.from({ length: JOBS }, (_, job) => fire(job)));
      const { user, system } = process.cpuUsage(before);
      return {
        first: Math.min(...decisions),
        last: Math.max(...decisions),
        cpu: (user + system) / 1000,
        ran,
      };
    },
  };
}

export const measure = (run) => measureRounds(run, oneRound);

async function oneRound(name, server) {
  const replicas = await Promise.all(
    Array.from({ length: REPLICAS }, () =>
      ClientProcess.start('top-of-minute', name, server.port, { onAnyCore }),
    ),
  );
  const warmUp = await oneTick(replicas);
  const counter = await CommandCounter.start(server);
  const counted = await oneTick(replicas);
  const { commands, calls } = await counter.stop();
  const timed = [];
  for (let i = 0; i < TICKS; i++) {
    const before = await serverCpu(server.redis);
    const tick = await oneTick(replicas);
    timed.push({ ...tick, serverCpu: ((await serverCpu(server.redis)) - before) * 1000 });
  }
  await Promise.all(replicas.map((replica) => replica.stop()));
  const ticks = [warmUp, counted, ...timed];
  return {
    first: medianOf(timed, 'first'),
    last: medianOf(timed, 'last'),
    firstOfLast: medianOf(timed, 'firstOfLast'),
    clientCpu: medianOf(timed, 'clientCpu'),
    serverCpu: medianOf(timed, 'serverCpu'),
    commands: commands / JOBS,
    calls: calls / JOBS,
    once: sumOf(ticks, 'once'),
    twice: sumOf(ticks, 'twice'),
    onceOfDue: sumOf(ticks, 'once') / DUE,
  };
}

async function oneTick(replicas) {
  const at = Date.now() + LEAD;
  const answers = await Promise.all(replicas.map((replica) => replica.call('take', at)));
  const times = Array.from({ length: JOBS }, () => 0);
  for (const { ran } of answers) for (const job of ran) times[job]++;
  const first = Math.min(...answers.map((answer) => answer.first));
  const last = Math.max(...answers.map((answer) => answer.last));
  return {
    first,
    last,
    firstOfLast: first / last,
    clientCpu: sumOf(answers, 'cpu'),
    once: times.filter((count) => count === 1).length,
    twice: times.filter((count) => count > 1).length,
  };
}
