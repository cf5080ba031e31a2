// A replica with one job that is to run every PERIOD_MS.
// Env: OPTIONS (JSON, of forRoot), PERIOD_MS, JOB_MS (how long a run takes).
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Interval, ScheduleModule } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { tellSkipped } from './firings.js';
import { optionsOfTest } from './options.js';
import { tell, tellingLogger } from './tell.js';

const options = optionsOfTest();
const duration = Number(process.env['JOB_MS'] ?? 1);

@Injectable()
class Job {
  @Interval(Number(process.env['PERIOD_MS'] ?? 1000))
  @Exclusive('job')
  async run(): Promise<void> {
    const details = { fencingToken: ExclusiveLockService.current()?.fencingToken };
    tell('started', details);
    await sleep(duration);
    tell('finished', details);
  }
}

@Module({ imports: [ScheduleModule.forRoot(), ExclusiveLockModule.forRoot(options)], providers: [Job] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule, { logger: tellingLogger });
app.enableShutdownHooks();
app.get(ExclusiveLockService).events$.subscribe((event) => {
  if (event.type === 'released') tell('released', { fencingToken: event.fencingToken });
});
tellSkipped(app);
tell('ready');
