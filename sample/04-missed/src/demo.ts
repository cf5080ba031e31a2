// Starts three replicas of an application with a job of every ten seconds, kills all of them, and starts them again when
// they have missed a tick. Exits with code 1 unless that tick ran once, late and marked as missed, and every other tick
// ran once and on time.
import { setTimeout as sleep } from 'node:timers/promises';
import { openLocks } from 'nestjs-exclusive-lock/locks';
import { Replica } from '../../support/replica.js';
import type { Told } from '../../support/tell.js';
import { MissedTable, timeOf } from './missed-table.js';

const MAIN = new URL('./main.js', import.meta.url);
const REPLICAS = 3;
const SECOND = 1000;
const PERIOD = 10 * SECOND;
/** After which tick all replicas are killed, and for how long they are down. */
const KILLED_AFTER = 1;
const KILLED_AT = 3 * SECOND;
const BACK_AT = PERIOD + SECOND;
const TICKS = 4;
const MISSED = KILLED_AFTER + 1;

process.env['DEMO'] = String(process.pid); // the replicas inherit it
const { lockOptions } = await import('./lock-options.js');
const table = new MissedTable(REPLICAS);
let replicas: Replica[] = [];

const store = process.env['REDIS_URL'] ? 'Redis (REDIS_URL)' : 'the local store of this machine';
console.log(`Starting ${REPLICAS} replicas of one application. Their locks live in ${store}.\n`);
await startAll();
// Enough time for all of them to be up at the first tick.
const firstTick = Math.ceil((Date.now() + SECOND) / PERIOD) * PERIOD;
const tickAt = (index: number): number => firstTick + index * PERIOD;
console.log(table.header);
for (let index = 0; index < TICKS; index++) {
  const isLast = index === KILLED_AFTER;
  await until(tickAt(index) + (isLast ? KILLED_AT : 0));
  if (isLast) await killAll();
  // What was missed runs when they are back.
  if (index === MISSED) await until(tickAt(KILLED_AFTER) + BACK_AT).then(startAll);
  await until(tickAt(index) + (index === MISSED ? PERIOD - SECOND : 2 * SECOND));
  console.log(table.row(tickAt(index), index === MISSED));
}
const runs = await recorded();
await Promise.all(replicas.map((replica) => replica.stop()));

console.log(`\nThe record of runs, as locks.jobs.runs('report') tells it:`);
for (const { tick, replica, outcome, missed } of runs)
  console.log(
    `  ${timeOf(tick?.getTime() ?? 0)}  ${outcome.padEnd(10)} ${replica}${missed ? '  missed' : ''}`,
  );

const right = Array.from({ length: TICKS }, (_, index) => isRight(index)).every(Boolean);
console.log(
  right
    ? `\nThe tick of ${timeOf(tickAt(MISSED))}, when all replicas were down, ran once and late. Every other ran once, on time.`
    : '\nNOT every tick ran once, the missed one late and the others on time.',
);
process.exitCode = right ? 0 : 1;

/** By what the replicas have told, and by what the store has recorded. */
function isRight(index: number): boolean {
  const wasMissed = index === MISSED;
  const told = table.of(tickAt(index));
  const stored = runs.filter(({ tick }) => tick?.getTime() === tickAt(index));
  const [run] = told;
  if (told.length !== 1 || stored.length !== 1 || !run) return false;
  const inTime = wasMissed ? run.late > SECOND : run.late < SECOND;
  return run.missed === wasMissed && stored[0].missed === wasMissed && inTime;
}

async function startAll(): Promise<void> {
  replicas = Array.from({ length: REPLICAS }, (_, index) => new Replica(MAIN, index, onEvent));
  await Promise.all(replicas.map((replica) => replica.ready));
}

async function killAll(): Promise<void> {
  for (const replica of replicas) replica.kill();
}

async function recorded() {
  await using locks = await openLocks({ ...lockOptions, logger: false });
  return await locks.jobs.runs('report');
}

async function until(moment: number): Promise<void> {
  await sleep(Math.max(0, moment - Date.now()));
}

function onEvent(replica: number, { event, tick, missed = false }: Told): void {
  if (event !== 'started' || tick === undefined) return;
  table.runs.push({ replica, tick, missed, late: Date.now() - tick });
}
