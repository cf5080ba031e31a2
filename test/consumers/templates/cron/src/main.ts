import 'reflect-metadata';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { AppModule, REPLICAS } from './app.module.js';
import { Jobs, Replica, type Run } from './jobs.js';
import { RecordingLogger, type Line } from './recording-logger.js';

const TICKS = 3;
const SECOND = 1000;
const EXIT_WITHIN = 10 * SECOND;
const JOBS = ['cronAbove', 'exclusiveAbove', 'combined'] as const;

async function main(): Promise<void> {
  const logger = new RecordingLogger();
  const replicas = REPLICAS.map((name) => new Replica(name));
  const apps = await Promise.all(
    replicas.map((replica) => NestFactory.createApplicationContext(AppModule.of(replica), { logger })),
  );
  for (const app of apps) await checkNames(app.get(Jobs));
  checkStart(logger.lines.splice(0));

  // The second that has begun may be half over.
  const first = Math.ceil(Date.now() / SECOND + 0.1) * SECOND;
  await sleep(first + TICKS * SECOND - SECOND / 10 - Date.now());
  watchExit();
  await Promise.all(apps.map((app) => app.close()));

  const ticks = Array.from({ length: TICKS }, (_, i) => first + i * SECOND);
  checkRuns(
    replicas.flatMap(({ runs }) => runs),
    ticks,
  );
  checkLog(logger.lines);
  checkIdentity();
  process.exitCode = 0;
}

/** A closed application keeps nothing open. */
function watchExit(): void {
  setTimeout(complain, EXIT_WITHIN).unref();
}

function complain(): never {
  console.error(`still alive after close(), because of ${process.getActiveResourcesInfo().join(', ')}`);
  process.exit(1);
}

function checkStart(lines: Line[]): void {
  assert.deepEqual(
    lines.filter(({ level }) => ['warn', 'error', 'fatal'].includes(level)),
    [],
  );
}

/** Calls of one id exclude one another, by the defaults of the class; others run beside them. */
async function checkNames(jobs: Jobs): Promise<void> {
  let finish!: () => void;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  let running!: Promise<string | undefined>;
  await new Promise<void>((begun) => {
    running = jobs.one('a', () => {
      begun();
      return finished;
    });
  });
  assert.equal(await jobs.one('b'), 'one:b');
  await assert.rejects(jobs.one('a'), { code: 'LOCK_BUSY' });
  finish();
  assert.equal(await running, 'one:a');
}

function checkRuns(runs: Run[], ticks: number[]): void {
  for (const job of JOBS) {
    const ran = runs.filter((run) => run.job === job).map(({ tick }) => tick);
    assert.ok(!ran.includes(undefined), `${job} was called without a tick`);
    assert.equal(new Set(ran).size, ran.length, `${job} ran a tick twice: ${JSON.stringify(runs)}`);
    const missed = ticks.filter((tick) => !ran.includes(tick));
    assert.deepEqual(missed, [], `${job} missed ticks: ${JSON.stringify(runs)}`);
  }
  for (const replica of REPLICAS) {
    const plain = runs.filter((run) => run.job === 'plain' && run.replica === replica);
    // cron 3 may skip a tick of one timer.
    assert.ok(plain.length >= ticks.length - 1, `plain ran ${plain.length} times on replica ${replica}`);
  }
}

/** Who came second says so at debug level, and nobody says anything else. */
function checkLog(lines: Line[]): void {
  assert.deepEqual(
    lines.filter(({ level }) => level !== 'debug'),
    [],
  );
  const skips = lines.filter(({ text }) => text.includes('is skipped')).length;
  assert.ok(skips > 0 === REPLICAS.length > 1, `${skips} skips were logged`);
}

function checkIdentity(): void {
  for (const job of JOBS) assert.equal(Jobs.prototype[job].name, job);
  assert.equal(Jobs.prototype.cronAbove.length, 1);
  assert.equal(Jobs.prototype.exclusiveAbove.length, 0);
}

// Until all is checked: a promise that never settles lets the process end.
process.exitCode = 1;
void main();
