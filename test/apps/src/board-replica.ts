// A replica with a board, an every-second job, one that fails when it is run by hand, and one that runs until it is told to end.
// Env: OPTIONS (JSON, of forRoot). Stdin: `{"finish":true}` ends the run of the slow job.
import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockModule, type ExclusiveLockModuleOptions } from 'nestjs-exclusive-lock';
import { ExclusiveLockBoardModule } from 'nestjs-exclusive-lock/board';
import { tell, tellingLogger } from './tell.js';

const options = JSON.parse(process.env['OPTIONS'] ?? '{}') as ExclusiveLockModuleOptions;
const NEVER_IN_A_TEST = '0 0 3 1 1 *';
let finish = (): void => {};

@Injectable()
class Jobs {
  @Cron('* * * * * *')
  @Exclusive('quick')
  async quick(): Promise<void> {}

  @Cron(NEVER_IN_A_TEST, { timeZone: 'Europe/Berlin' })
  @Exclusive('slow')
  async slow(): Promise<void> {
    await new Promise<void>((resolve) => (finish = resolve));
  }

  @Cron(NEVER_IN_A_TEST, { timeZone: 'Europe/Berlin' })
  @Exclusive('report')
  async report(): Promise<void> {
    throw new Error('<b>no paper</b>');
  }
}

@Module({
  imports: [
    ScheduleModule.forRoot(),
    ExclusiveLockModule.forRoot(options),
    ExclusiveLockBoardModule.forRoot({ actions: true }),
  ],
  providers: [Jobs],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: tellingLogger });
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
createInterface({ input: process.stdin }).on('line', () => finish());
tell('ready', { port: (app.getHttpServer().address() as AddressInfo).port });
