// Starts three replicas of the application. The leader consumes a feed. Kills one leader, and ends the next as a deploy does.
// Exits with code 1 unless each item was consumed once and in order, no two replicas led at one time, and the fencing
// tokens rose.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Replica } from '../../support/replica.js';
import { machineTime, type Told } from '../../support/tell.js';
import { Journal } from './journal.js';
import { Terms } from './terms.js';

const MAIN = new URL('./main.js', import.meta.url);
const REPLICAS = 3;
const ROW = 500;
const ROWS = 12;
const KILL_AT = 3;
const STOP_AT = 8;

const folder = mkdtempSync(join(tmpdir(), 'leader-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.env['JOURNAL'] = join(folder, 'journal'); // the replicas inherit it

const terms = new Terms();
const gone = new Set<number>();

const store = process.env['REDIS_URL'] ? 'Redis (REDIS_URL)' : 'the local store of this machine';
console.log(`Starting ${REPLICAS} replicas of one application. Their locks live in ${store}.\n`);
const replicas = Array.from({ length: REPLICAS }, (_, index) => new Replica(MAIN, index, onEvent));
await Promise.all(replicas.map((replica) => replica.ready));

console.log(line('seconds', (replica) => `replica ${replica + 1}`));
const start = machineTime();
for (let row = 0; row < ROWS; row++) {
  const [from, to] = [start + row * ROW, start + (row + 1) * ROW];
  await sleep(from + ROW / 2 - machineTime());
  const ended = row === KILL_AT || row === STOP_AT ? terms.leader : undefined;
  if (ended !== undefined && row === KILL_AT) replicas[ended]?.kill();
  if (ended !== undefined && row === STOP_AT) void replicas[ended]?.stop();
  // What was consumed just before is known a little later.
  await sleep(to + 50 - machineTime());
  const how = row === KILL_AT ? 'killed' : 'SIGTERM';
  console.log(
    line(((row * ROW) / 1000).toFixed(1), (replica) => cell(replica, from, to, replica === ended && how)),
  );
  if (ended !== undefined) gone.add(ended);
}
await Promise.all(replicas.map((replica) => replica.stop()));

const journal = new Journal().items();
const wrong = journal.filter((item, i) => item !== i + 1).length;
const [afterKill = Number.NaN, afterStop = Number.NaN] = terms.gaps;
console.log(`\n${journal.length} items, ${terms.count} terms`);
console.log(
  `Without a leader: ${afterKill.toFixed(1)} ms after the kill, ${afterStop.toFixed(1)} ms after SIGTERM.`,
);
const exact = wrong === 0 && terms.count === 3 && terms.tokensRise && terms.gaps.every((gap) => gap > 0);
console.log(
  exact
    ? 'Each item was consumed once, in order. No two replicas led at one time, and the fencing tokens rose.'
    : `NOT as it should be: ${wrong} items repeated or out of order, gaps ${terms.gaps.join(', ')}`,
);
process.exitCode = exact ? 0 : 1;

function onEvent(index: number, { event, fencingToken, at }: Told): void {
  if (fencingToken === undefined || at === undefined) return;
  if (event === 'started') terms.begin(index, fencingToken, at);
  else terms.went(fencingToken, at, event === 'step');
}

function cell(replica: number, from: number, to: number, how: string | false): string {
  const count = terms.consumed(replica, from, to);
  const items = count === 1 ? '1 item' : `${count} items`;
  if (how) return `${items}, ${how}`;
  return count > 0 ? items : gone.has(replica) ? '' : '.';
}

function line(first: string, of: (replica: number) => string): string {
  const cells = Array.from({ length: REPLICAS }, (_, replica) => of(replica).padEnd(19));
  return [first.padEnd(10), ...cells].join('').trimEnd();
}
