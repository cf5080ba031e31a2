// A replica with one cron job, whose runs take a random time.
// Env: OPTIONS (JSON, of forRoot), CRON (the expression), JOB_MS (shortest and longest, such as 0-500),
// ON_HOLDER_DEATH and MISSED (JSON; as the options of @Exclusive). Stdin: see between-runs.ts; and {"from":0,"to":0}: the tick between these
// times kills the process that runs it.
import 'reflect-metadata';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import {
  Exclusive,
  ExclusiveLockModule,
  ExclusiveLockService,
  type ExclusiveOptions,
} from 'nestjs-exclusive-lock';
import { obeySignalsBetweenRuns } from './between-runs.js';
import { tellFirings } from './firings.js';
import { optionsOfTest } from './options.js';
import { clocks, tell, tellingLogger } from './tell.js';

const options = optionsOfTest();
const onHolderDeath = process.env['ON_HOLDER_DEATH'] as ExclusiveOptions['onHolderDeath'];
const caughtUp = JSON.parse(process.env['MISSED'] ?? 'null') as ExclusiveOptions['missed'] | null;
const [shortest = 0, longest = shortest] = (process.env['JOB_MS'] ?? '0').split('-').map(Number);

let poison = { from: 0, to: 0 };
createInterface({ input: process.stdin }).on('line', (line) => {
  poison = JSON.parse(line) as typeof poison;
});

@Injectable()
class Job {
  @Cron(process.env['CRON'] ?? '* * * * * *', { name: 'job' })
  @Exclusive('job', { onHolderDeath, missed: caughtUp ?? undefined })
  async run(): Promise<void> {
    const lease = ExclusiveLockService.current();
    const { missed, fencingToken } = lease ?? {};
    const details = { tick: lease?.tick?.getTime(), missed, fencingToken };
    tell('started', details);
    const time = Number(details.tick);
    if (time > poison.from && time <= poison.to) process.kill(process.pid, 'SIGKILL');
    await sleep(shortest + Math.random() * (longest - shortest));
    tell('finished', details);
  }
}

@Module({ imports: [ScheduleModule.forRoot(), ExclusiveLockModule.forRoot(options)], providers: [Job] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule, { logger: tellingLogger });
app.enableShutdownHooks();
tellFirings(app);
obeySignalsBetweenRuns(app);
tell('ready', clocks());
