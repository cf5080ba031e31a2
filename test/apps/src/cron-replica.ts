// A replica with two every-second jobs, one for each order of the decorators.
// Env: OPTIONS (JSON, of forRoot), JOB_MS (how long a run takes). Stdin: see between-runs.ts.
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { obeySignalsBetweenRuns } from './between-runs.js';
import { tellFirings } from './firings.js';
import { optionsOfTest } from './options.js';
import { tell, tellingLogger } from './tell.js';

const options = optionsOfTest();
const duration = Number(process.env['JOB_MS'] ?? 1);

@Injectable()
class Jobs {
  @Cron('* * * * * *', { name: 'below' })
  @Exclusive('below')
  async below(): Promise<void> {
    await this.run('below');
  }

  @Exclusive('above')
  @Cron('* * * * * *', { name: 'above' })
  async above(): Promise<void> {
    await this.run('above');
  }

  private async run(job: string): Promise<void> {
    const lease = ExclusiveLockService.current();
    const details = { job, tick: lease?.tick?.getTime(), fencingToken: lease?.fencingToken };
    tell('started', details);
    await sleep(duration);
    tell('finished', details);
  }
}

@Module({ imports: [ScheduleModule.forRoot(), ExclusiveLockModule.forRoot(options)], providers: [Jobs] })
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule, { logger: tellingLogger });
app.enableShutdownHooks();
tellFirings(app);
obeySignalsBetweenRuns(app);
tell('ready');
