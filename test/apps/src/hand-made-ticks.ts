// A replica that asks for every tick of one job by hand, as a scheduler does: at its time; the latest one late, if it was due
// before the start. Tells each run and each answer.
// Env: OPTIONS (JSON, of forRoot), FROM and TO (the first and the last tick, milliseconds since the epoch), PERIOD,
// JOB_MS (shortest and longest, such as 0-50).
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { ExclusiveLockModule, ExclusiveLockService, type Lease } from 'nestjs-exclusive-lock';
import { optionsOfTest } from './options.js';
import { tell, tellingLogger } from './tell.js';

const options = optionsOfTest();
const from = Number(process.env['FROM']);
const to = Number(process.env['TO']);
const period = Number(process.env['PERIOD']);
const [shortest = 0, longest = shortest] = (process.env['JOB_MS'] ?? '0').split('-').map(Number);

const app = await NestFactory.createApplicationContext(ExclusiveLockModule.forRoot(options), {
  logger: tellingLogger,
});
app.enableShutdownHooks();
const locks = app.get(ExclusiveLockService);
locks.events$.subscribe((event) => {
  if (event.type === 'missed') tell('missed', { tick: event.tick.getTime(), count: event.count });
});
tell('ready');

const latest = tickBefore(Date.now());
const answers: Promise<void>[] = [];
if (latest >= from && latest <= to)
  answers.push(ask(latest, { within: period / 4, next: new Date(latest + period) }));
for (let tick = Math.max(from, latest + period); tick <= to; tick += period) {
  await sleep(Math.max(0, tick - Date.now()));
  answers.push(ask(tick));
}
await Promise.all(answers);
tell('over');

async function ask(time: number, missed?: { within: number; next: Date }): Promise<void> {
  const occurrence = { tick: new Date(time), job: 'count', following, missed };
  const outcome = await locks.run('accounted', work, { occurrence });
  const reason = outcome.status === 'skipped' ? outcome.reason : undefined;
  tell('answered', { tick: time, status: outcome.status, reason });
}

async function work({ tick, fencingToken }: Lease): Promise<void> {
  tell('started', { tick: tick?.getTime(), fencingToken });
  await sleep(shortest + Math.random() * (longest - shortest));
  tell('finished', { tick: tick?.getTime(), fencingToken });
}

function following(moment: Date): Date {
  return new Date(tickBefore(moment.getTime()) + period);
}

function tickBefore(time: number): number {
  return from + Math.floor((time - from) / period) * period;
}
