// Starts three replicas of a shop, prints the addresses of their boards, and runs until Ctrl+C. With `--seconds 5` it ends by
// itself, and exits with code 1 unless each board has shown all replicas and a run.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { BoardOverview } from 'nestjs-exclusive-lock/board';
import { Replica } from '../../support/replica.js';
import type { Told } from '../../support/tell.js';

const MAIN = new URL('./main.js', import.meta.url);
const NAMES = ['shop-1', 'shop-2', 'shop-3'];

const { seconds } = parseArgs({ options: { seconds: { type: 'string' } } }).values;
process.env['DEMO'] = String(process.pid); // the replicas inherit it
const ports: number[] = [];
const replicas = NAMES.map((name, index) => new Replica(MAIN, index, onEvent, { REPLICA: name }));
await Promise.all(replicas.map(({ ready }) => ready));
const boards = ports.map((port) => `http://127.0.0.1:${port}/locks`);

const store = process.env['REDIS_URL'] ? 'Redis (REDIS_URL)' : 'the local store of this machine';
console.log(`Three replicas of one application run. Their locks live in ${store}.\n`);
for (const [index, name] of NAMES.entries())
  console.log(`  ${name}  pid ${replicas[index].pid}  ${boards[index]}`);
console.log('\nOpen one of the boards. Kill another replica with kill -9, and see what becomes of its runs.');
console.log('Press Ctrl+C to end.');

if (seconds === undefined) await new Promise((resolve) => process.once('SIGINT', resolve));
else {
  await sleep(Number(seconds) * 1000);
  const shown = await Promise.all(boards.map(isShownBy));
  console.log(
    shown.every(Boolean) ? '\nEach board shows all replicas.' : '\nNOT each board shows all replicas.',
  );
  process.exitCode = shown.every(Boolean) ? 0 : 1;
}
await Promise.all(replicas.map((replica) => replica.stop()));

/** Whether a board shows all replicas, and runs. */
async function isShownBy(board: string): Promise<boolean> {
  const response = await fetch(`${board}/api/overview`);
  const { replicas: known, runs } = (await response.json()) as BoardOverview;
  return NAMES.every((name) => known.some(({ replica }) => replica === name)) && runs.length > 0;
}

function onEvent(index: number, { event, port }: Told): void {
  if (event === 'ready' && port !== undefined) ports[index] = port;
}
