// A replica with one cron job, whose runs take a random time.
// Env: OPTIONS (JSON, of forRoot), CRON (the expression), JOB_MS (shortest and longest, such as 0-500),
// ON_HOLDER_DEATH (as the option of @Exclusive). Stdin: see between-runs.ts.
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import {
  Exclusive,
  ExclusiveLockModule,
  ExclusiveLockService,
  type ExclusiveLockModuleOptions,
  type ExclusiveOptions,
} from 'nestjs-exclusive-lock';
import { obeySignalsBetweenRuns } from './between-runs.js';
import { tellFirings } from './firings.js';
import { tell, tellingLogger } from './tell.js';

const options = JSON.parse(process.env['OPTIONS'] ?? '{}') as ExclusiveLockModuleOptions;
const onHolderDeath = process.env['ON_HOLDER_DEATH'] as ExclusiveOptions['onHolderDeath'];
const [shortest = 0, longest = shortest] = (process.env['JOB_MS'] ?? '0').split('-').map(Number);

@Injectable()
class Job {
  @Cron(process.env['CRON'] ?? '* * * * * *', { name: 'job' })
  @Exclusive('job', { onHolderDeath })
  async run(): Promise<void> {
    const lease = ExclusiveLockService.current();
    const details = { tick: lease?.tick?.getTime(), fence: lease?.fence };
    tell('started', details);
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
tell('ready', { wall: Date.now() });
