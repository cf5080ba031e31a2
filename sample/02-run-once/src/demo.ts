// Starts four replicas of the application together, each with the same migration. Kills the replica that runs it, in the
// middle, and starts a fifth when the migration is done. Exits with code 1 unless exactly one run finished, each step was
// applied once, and all replicas except the killed one are up.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Replica } from '../../support/replica.js';
import type { Told } from '../../support/tell.js';
import { Database } from './database.js';
import { STEPS } from './migration.service.js';
import { Timeline } from './timeline.js';

const MAIN = new URL('./main.js', import.meta.url);
const REPLICAS = 4;
const KILL_AFTER = STEPS[1];
const AT_MOST = 15_000;

const folder = mkdtempSync(join(tmpdir(), 'run-once-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.env['DATABASE'] = join(folder, 'database'); // the replicas inherit it
setTimeout(() => {
  console.log(`NOT over after ${AT_MOST / 1000} seconds.`);
  process.exit(1);
}, AT_MOST).unref();

const timeline = new Timeline(REPLICAS + 1);
const replicas: Replica[] = [];
const count = { begun: 0, finished: 0, up: 0 };

const store = process.env['REDIS_URL'] ? 'Redis (REDIS_URL)' : 'the local store of this machine';
console.log(`Starting ${REPLICAS} replicas of one application. Their locks live in ${store}.\n`);
console.log(timeline.header);
for (let index = 0; index < REPLICAS; index++) start(index);
// The killed replica never becomes ready.
await Promise.allSettled(replicas.map((replica) => replica.ready));
start(REPLICAS);
await Promise.allSettled(replicas.map((replica) => replica.ready));
await Promise.all(replicas.map((replica) => replica.stop()));

const applied = new Database().steps();
console.log(`\n${count.begun} runs begun, ${count.finished} finished, ${count.up} replicas up`);
const once = count.finished === 1 && applied.join() === STEPS.join() && count.up === REPLICAS;
console.log(once ? 'The migration was done exactly once.' : `NOT done exactly once: ${applied.join(', ')}`);
process.exitCode = once ? 0 : 1;

function start(index: number): void {
  console.log(timeline.row(index, 'starts', '.'));
  replicas.push(new Replica(MAIN, index, onEvent));
}

function onEvent(index: number, { event, step = '' }: Told): void {
  switch (event) {
    case 'started':
      count.begun += 1;
      return console.log(timeline.row(index, 'begins'));
    case 'step':
      console.log(timeline.row(index, step));
      if (step !== KILL_AFTER) return undefined;
      replicas[index]?.kill();
      return console.log(timeline.row(index, 'is killed', ''));
    case 'finished':
      count.finished += 1;
      return console.log(timeline.row(index, 'has finished'));
    case 'ready':
      count.up += 1;
      return console.log(timeline.row(index, 'is up', 'up'));
  }
}
