// A replica with three cron jobs in one zone, for a night in which the clocks change.
// Env: OPTIONS (JSON, of forRoot).
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockModule, ExclusiveLockService } from 'nestjs-exclusive-lock';
import { optionsOfTest } from './options.js';
import { tell, tellingLogger } from './tell.js';

const options = optionsOfTest();
const timeZone = 'Europe/Berlin';

@Injectable()
class Jobs {
  @Cron('30 2 * * *', { name: 'half past two', timeZone })
  @Exclusive('half past two')
  async halfPastTwo(): Promise<void> {
    this.#ran('half past two');
  }

  @Cron('0 3 * * *', { name: 'three', timeZone })
  @Exclusive('three', { onHolderDeath: 'rerun' })
  async three(): Promise<void> {
    this.#ran('three');
  }

  @Cron('0 * * * *', { name: 'hourly', timeZone })
  @Exclusive('hourly')
  async hourly(): Promise<void> {
    this.#ran('hourly');
  }

  #ran(job: string): void {
    tell('started', { job, tick: ExclusiveLockService.current()?.tick?.toISOString() });
  }
}

@Module({ imports: [ScheduleModule.forRoot(), ExclusiveLockModule.forRoot(options)], providers: [Jobs] })
class AppModule {}

// A timer of an hour notices only when the event loop turns that its hour is over.
setInterval(() => {}, 20);

const app = await NestFactory.createApplicationContext(AppModule, { logger: tellingLogger });
app.enableShutdownHooks();
app.get(ExclusiveLockService).events$.subscribe(({ type, name }) => tell(type, { name }));
tell('ready', { wall: Date.now() });
