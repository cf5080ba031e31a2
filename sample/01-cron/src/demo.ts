// Starts three replicas of the application with the same every-second cron job, and kills one of them in the middle of a
// run. Exits with code 1 unless every tick ran exactly once.
import { setTimeout as sleep } from 'node:timers/promises';
import { Replica } from '../../support/replica.js';
import type { Told } from '../../support/tell.js';
import { where } from '../../support/where.js';
import { TickTable } from './tick-table.js';

const MAIN = new URL('./main.js', import.meta.url);
const TICKS = 14;
const KILL_AT = 6;
const SECOND = 1000;
/** Milliseconds after which each replica starts. In real life, too, replicas do not start at the same moment. */
const STARTS = [0, 50, 120];

const table = new TickTable(STARTS.length);
const replicas: Replica[] = [];
let firstTick = Infinity;

console.log(
  `Starting ${STARTS.length} replicas of one application. Their locks live in ${where.description}.\n`,
);
for (const [index, delay] of STARTS.entries()) {
  await sleep(delay - (STARTS[index - 1] ?? 0));
  replicas.push(new Replica(MAIN, index, onEvent));
}
await Promise.all(replicas.map((replica) => replica.ready));

firstTick = Math.ceil(Date.now() / SECOND) * SECOND;
const ticks = Array.from({ length: TICKS }, (_, i) => firstTick + i * SECOND);
console.log(table.header);
for (const tick of ticks) {
  // Wait until just before the next tick: a late or second run of this one has shown by then.
  await sleep(tick + SECOND - 50 - Date.now());
  console.log(table.row(tick));
}
await Promise.all(replicas.map((replica) => replica.stop()));

const { runs, duplicates, missed } = table.summary(ticks);
console.log(`\n${ticks.length} ticks, ${runs} runs, ${duplicates} duplicates, ${missed} missed`);
const exact = duplicates === 0 && missed === 0;
console.log(exact ? 'Every tick ran exactly once.' : 'NOT every tick ran exactly once.');
process.exitCode = exact ? 0 : 1;

function onEvent(index: number, { event, tick }: Told): void {
  if (event !== 'started' || tick === undefined) return;
  const inTheMiddle = tick === firstTick + KILL_AT * SECOND;
  table.ran(tick, index, inTheMiddle);
  if (inTheMiddle) replicas[index]?.kill();
}
