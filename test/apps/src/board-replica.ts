// A replica of a shop with a board. Its jobs run often, apart from two that only a test runs: one fails, and one runs until it is
// told to end.
// Env: OPTIONS (JSON, of forRoot). Stdin: a line ends the run of the endless job.
import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, Interval, ScheduleModule } from '@nestjs/schedule';
import { Exclusive, ExclusiveLockModule, type ExclusiveLockModuleOptions } from 'nestjs-exclusive-lock';
import { ExclusiveLockBoardModule } from 'nestjs-exclusive-lock/board';
import { tell, tellingLogger } from './tell.js';

const options = JSON.parse(process.env['OPTIONS'] ?? '{}') as ExclusiveLockModuleOptions;
const NEVER_IN_A_TEST = '0 0 3 1 1 *';
let finish = (): void => {};

@Injectable()
class Jobs {
  @Cron('* * * * * *')
  @Exclusive('sync-stock')
  async syncStock(): Promise<void> {
    await sleep(200);
  }

  @Cron('*/2 * * * * *', { timeZone: 'Europe/Berlin' })
  @Exclusive('send-mails')
  async sendMails(): Promise<void> {
    await sleep(1200);
  }

  @Interval('warm-cache', 5000)
  @Exclusive('warm-cache')
  async warmCache(): Promise<void> {
    await sleep(500);
  }

  @Cron(NEVER_IN_A_TEST, { timeZone: 'Europe/Berlin' })
  @Exclusive('rebuild-search')
  async rebuildSearch(): Promise<void> {
    await new Promise<void>((resolve) => (finish = resolve));
  }

  @Cron(NEVER_IN_A_TEST, { timeZone: 'Europe/Berlin' })
  @Exclusive('yearly-report')
  async yearlyReport(): Promise<void> {
    await sleep(300);
    throw new Error('no paper in printer 3');
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
